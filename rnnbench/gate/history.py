"""Selected cases over all runs of a folder or store: their series and changes, newest first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from rnnbench.analysis.changepoints import MIN_CHANGE
from rnnbench.errors import BadResults, UnknownName
from rnnbench.gate.policy import CANARY, NO_CANARY, known_metric
from rnnbench.gate.series import Change, Series
from rnnbench.gate.side import Side
from rnnbench.gate.source import Source, as_source
from rnnbench.gate.timeline import of_sides


@dataclass(frozen=True, slots=True)
class History:
    """All series of the chosen cases, the number of runs, and what could not be read."""

    series: tuple[Series, ...]
    runs: int
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> list[tuple[Series, Change]]:
        """Every change, newest first."""
        return _newest_first([(one, change) for one in self.series for change in one.changes])

    @property
    def open(self) -> list[tuple[Series, Change]]:
        """Every change for the worse that nobody has triaged, newest first."""
        return [(one, change) for one, change in self.changed if change.worse and change.triage is None]

    @property
    def pending(self) -> list[tuple[Series, Change]]:
        """Every change at the edge of its series that has too few runs to be tested, newest first."""
        return _newest_first([(one, one.pending) for one in self.series if one.pending is not None])


def _newest_first(found: list[tuple[Series, Change]]) -> list[tuple[Series, Change]]:
    return sorted(found, key=lambda pair: pair[1].first_after.run.started_utc, reverse=True)


def history(
    results: Path | Source, *, metrics: Sequence[str], cases: str = "*", canary: str = CANARY, min_change: float = MIN_CHANGE
) -> History:
    """Read a results folder or a store. `canary` is a case's id, `canary` for the shipped one where it was run, or `none`."""
    for name in metrics:
        known_metric(name)
    sides, notes = _read(
        results, metrics, lambda name: fnmatchcase(name, cases) or name == canary or (canary == CANARY and name.startswith(f"{CANARY}/"))
    )
    tracked = tuple(dict.fromkeys((*metrics, "step_time_s")))
    found = of_sides(sides, tracked, notes, canary, min_change)
    if canary not in (CANARY, NO_CANARY) and canary not in found.cases:
        raise UnknownName("canary", canary, sorted(found.cases))
    chosen = [case for case in found.cases if fnmatchcase(case, cases)]
    return History(tuple(one for case in chosen for one in found.series(case, metrics)), len(sides), tuple(notes))


def sides_of(results: Path | Source) -> list[Side]:
    """The runs of a folder or a store that can be read, in order of time."""
    return _read(results)[0]


def _read(
    results: Path | Source, metrics: Sequence[str] | None = None, wanted: Callable[[str], bool] | None = None
) -> tuple[list[Side], list[str]]:
    """The runs in order of time, and a note for each that cannot be read."""
    source = as_source(results)
    sides, notes = source.sides(metrics, wanted)
    if not sides:
        raise BadResults(source.where, "it holds no run")
    return sorted(sides, key=lambda side: (side.taken_utc, side.label)), notes
