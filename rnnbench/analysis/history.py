"""Every case over all runs of a folder: series for each metric and machine, their changes of level, and the commits between."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from statistics import median

from rnnbench.analysis.canary import canary_among, drift, power_of_drift
from rnnbench.analysis.changepoints import MIN_CHANGE, Shift, shifts
from rnnbench.analysis.match import HARDWARE, at_path
from rnnbench.analysis.policy import CANARY, NO_CANARY
from rnnbench.analysis.side import Side, usable
from rnnbench.analysis.source import Source, as_source
from rnnbench.errors import BadResults, UnknownName
from rnnbench.record import METRICS


@dataclass(frozen=True, slots=True)
class Point:
    """One run's figure: the median of its processes'."""

    value: float
    run: str
    commit: str
    at_utc: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level between two runs that follow each other. `worse` is none where the metric is neither good nor bad."""

    shift: Shift
    last_before: Point
    first_after: Point
    worse: bool | None

    @property
    def commits(self) -> str:
        """The range in which the cause lies, as git takes it."""
        before, after = self.last_before.commit[:10] or "?", self.first_after.commit[:10] or "?"
        return before if before == after else f"{before}..{after}"


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one case on one kind of machine, in order of time. `canary` says whether the machine's drift is divided out."""

    case: str
    metric: str
    machine: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()
    canary: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """All series of a folder, and what of it could not be read."""

    series: tuple[Series, ...]
    runs: int
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> list[tuple[Series, Change]]:
        """Every change, newest first."""
        found = [(one, change) for one in self.series for change in one.changes]
        return sorted(found, key=lambda pair: pair[1].first_after.at_utc, reverse=True)


@dataclass(slots=True)
class _Gathered:
    sides: list[Side] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def history(
    results: Path | Source, *, metrics: Sequence[str], cases: str = "*", canary: str = CANARY, min_change: float = MIN_CHANGE
) -> History:
    """Read a results folder or a store. `canary` is a case's id, `canary` for the shipped one where it was run, or `none`."""
    for name in metrics:
        if name not in METRICS:
            raise UnknownName("metric", name, METRICS)
    gathered = _gather(
        results, metrics, lambda name: fnmatchcase(name, cases) or name == canary or (canary == CANARY and name.startswith(f"{CANARY}/"))
    )
    groups: dict[str, list[Side]] = {}
    for side in gathered.sides:
        groups.setdefault(machine_of(side), []).append(side)
    found: list[Series] = []
    for machine, sides in groups.items():
        drifts = _canary(sides, canary)
        asked = (one for one in _series(machine, sides, metrics) if fnmatchcase(one.case, cases))
        found += [_changes(one, drifts, min_change) for one in asked]
    if canary not in (CANARY, NO_CANARY) and not any(one.case == canary for one in found):
        raise UnknownName("canary", canary, sorted({one.case for one in found}))
    return History(tuple(found), len(gathered.sides), tuple(gathered.notes))


def machine_of(side: Side) -> str:
    """A name for hardware and conditions: figures under different names are never in one series."""
    facts = {name: at_path(side.machine, name) for name in HARDWARE} | {"conditions": dict(side.conditions)}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:8]
    gpus = facts["gpus"] if isinstance(facts["gpus"], list) else []
    return f"{gpus[0] if gpus else facts['cpu.model'] or 'unknown'} #{digest}"


def sides_of(results: Path | Source) -> list[Side]:
    """The runs of a folder or a store that can be read, in order of time."""
    return _gather(results).sides


def _gather(results: Path | Source, metrics: Sequence[str] | None = None, wanted: Callable[[str], bool] | None = None) -> _Gathered:
    """The runs in order of time; one that cannot be read is told and left out."""
    source = as_source(results)
    found = _Gathered(*source.sides(metrics, wanted))
    if not found.sides:
        raise BadResults(source.where, "it holds no run")
    found.sides.sort(key=lambda side: (side.taken_utc, side.label))
    return found


def _series(machine: str, sides: Sequence[Side], metrics: Sequence[str]) -> Iterator[Series]:
    cases = dict.fromkeys(case for side in sides for case in side.cases)
    for case in cases:
        for metric in metrics:
            points = tuple(_points(sides, case, metric))
            if points:
                yield Series(case, metric, machine, points)


def _points(sides: Iterable[Side], case: str, metric: str) -> Iterator[Point]:
    for side in sides:
        values = list(side.cases[case].values.get(metric, {}).values()) if case in side.cases else []
        if values and usable(values):
            commit = str(side.commit.get("hash", ""))
            yield Point(median(values), side.label, commit, side.taken_utc)


def _canary(sides: Sequence[Side], canary: str) -> tuple[str, Mapping[str, float]]:
    """How much slower than usual the machine was at each run, as the canary says: run → ratio."""
    if canary == NO_CANARY:
        return "", {}
    name = canary_among((case for side in sides for case in side.cases), canary)
    return name, drift([(point.run, point.value) for point in _points(sides, name, "step_time_s")] if name else [])


def _changes(one: Series, canary: tuple[str, Mapping[str, float]], min_change: float) -> Series:
    """The series with its changes. Times and rates are freed of the machine's drift where every run of it has a canary."""
    name, slower = canary
    power = power_of_drift(one.metric)
    corrected = bool(power) and one.case != name and bool(slower) and all(point.run in slower for point in one.points)
    points = tuple(replace(point, value=point.value / slower[point.run] ** power) for point in one.points) if corrected else one.points
    exact = METRICS[one.metric].deterministic
    found = _steps(points) if exact else shifts([point.value for point in points], min_change)
    better = METRICS[one.metric].better
    changes = tuple(
        Change(shift, points[shift.at - 1], points[shift.at], None if better is None else (shift.ratio > 1) == (better == "lower"))
        for shift in found
    )
    return replace(one, points=points, changes=changes, canary=name if corrected else "")


def _steps(points: Sequence[Point]) -> list[Shift]:
    """Exact figures: every difference is a change."""
    pairs = enumerate(pairwise(points), 1)
    return [Shift(at, before.value, after.value, 0.0) for at, (before, after) in pairs if before.value != after.value]
