"""Data files inside other packages, found without importing the package, which would take longer than reading the file."""

from importlib.util import find_spec
from pathlib import Path

from rnnbench.errors import Unsupported


def packaged(module: str, path: str, extra: str) -> Path:
    """The file `path` inside the installed package `module`. Raises Unsupported, with what to install, if it is absent."""
    spec = find_spec(module)
    homes = [Path(home) for home in (spec.submodule_search_locations or ())] if spec else []
    found = next((home / path for home in homes if (home / path).is_file()), None)
    if found is None:
        raise Unsupported(f"{path} of the package {module} is not installed: pip install 'rnnbench[{extra}]'")
    return found
