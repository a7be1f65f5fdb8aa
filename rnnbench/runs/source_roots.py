"""Where a checkout keeps its packages, so that a revision's own are imported, not those that are installed."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnbench.errors import UsageError
from rnnbench.runs.worktree import tracked


def source_roots(place: Path) -> list[Path]:
    """Folders for PYTHONPATH: src, the root, and those that the build settings in pyproject.toml name."""
    folders = [place / "src", place, *(place / one for one in _declared(_settings(place)))]
    return [one for one in dict.fromkeys(folders) if one.is_dir() and one.resolve().is_relative_to(place.resolve())]


def check_origins(label: str, place: Path, modules: Mapping[str, str]) -> None:
    """Raise UsageError if a package that the checkout holds was loaded from elsewhere: another version of it would be measured."""
    packages = {file.parent for file in map(Path, tracked(place, "*__init__.py"))}
    own = {one.name: one for one in packages if one.parent not in packages}
    for module, file in modules.items():
        if module in own and not Path(file).resolve().is_relative_to(place.resolve()):
            raise UsageError(
                f"{label}: {module!r} was loaded from {file!r}, not from {str(own[module])!r} of the revision; packages are found in the"
                " repository's root, in src, and where pyproject.toml's build settings say"
            )


def _settings(place: Path) -> Mapping[str, Any]:
    """pyproject.toml's tools; nothing where it cannot be read, which is for its build tool to say."""
    try:
        data = tomllib.loads((place / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    found = data.get("tool")
    return found if isinstance(found, dict) else {}


def _declared(tools: Mapping[str, Any]) -> Iterator[str]:
    """The folders above packages, by the settings of setuptools, Poetry, Hatch, PDM, uv, Flit's kin and maturin."""
    yield from _texts(_at(tools, "setuptools", "packages", "find", "where"))
    package_dir = _at(tools, "setuptools", "package-dir")
    if isinstance(package_dir, dict):
        yield from (folder if not name else str(Path(folder).parent) for name, folder in package_dir.items() if isinstance(folder, str))
    for one in _at(tools, "poetry", "packages") or ():
        yield from _texts(one.get("from") if isinstance(one, dict) else None)
    for package in _texts(_at(tools, "hatch", "build", "targets", "wheel", "packages")):
        yield str(Path(package).parent)
    yield from _texts(_at(tools, "hatch", "build", "targets", "wheel", "sources"))
    yield from _texts(_at(tools, "pdm", "build", "package-dir"))
    yield from _texts(_at(tools, "uv", "build-backend", "module-root"))
    yield from _texts(_at(tools, "maturin", "python-source"))


def _at(table: Any, *keys: str) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def _texts(found: Any) -> Sequence[str]:
    """One text or a list of them."""
    return [found] if isinstance(found, str) else [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
