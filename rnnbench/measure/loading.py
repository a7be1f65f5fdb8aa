"""Files that a user names beside the suites: a plugin is code and is run; a file of data is read."""

from pathlib import Path

from rnnbench.own_data import KINDS
from rnnbench.registry import load_file


def load(path: str | Path) -> None:
    """Register what is in it. Raises UsageError."""
    if Path(path).suffix.lower() in KINDS:
        from rnnbench.tasks._own import add

        add(path)
    else:
        load_file(path)
