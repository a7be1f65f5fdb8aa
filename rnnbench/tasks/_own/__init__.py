"""Problems from a user's own file: pairs to translate (.tsv), a series to forecast (.csv), or characters (.txt)."""

from collections.abc import Callable
from pathlib import Path

from rnnbench.own_data import KINDS, DataSource, task_of
from rnnbench.tasks._kinds import IGNORE
from rnnbench.tasks._own.characters import characters
from rnnbench.tasks._own.pairs import pairs
from rnnbench.tasks._own.series import HORIZON, series
from rnnbench.tasks._problem import PROBLEMS, Problem

_MAKERS: dict[str, Callable[[str, DataSource], Problem]] = {"pairs": pairs, "series": series, "characters": characters}


def add(path: str | Path) -> str:
    """Read and check a file, and register it as a task; returns the task's name. Raises BadData."""
    name, source = task_of(path), DataSource.of(path)
    if name not in PROBLEMS.all():
        PROBLEMS.add(name, _MAKERS[KINDS[source.suffix]](name, source))
    return name


__all__ = ["HORIZON", "IGNORE", "add"]
