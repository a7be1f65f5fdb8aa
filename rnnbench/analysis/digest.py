"""All runs of a folder in little memory: what each came to, and every case's figures over time. Raw samples are read and let go."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from rnnbench.analysis.canary import drift, power_of_drift
from rnnbench.analysis.changepoints import Shift, shifts
from rnnbench.analysis.fit import median_interval
from rnnbench.analysis.history import machine_of
from rnnbench.analysis.policy import CANARY
from rnnbench.analysis.side import Observed, side_of_run
from rnnbench.analysis.source import Source, as_source
from rnnbench.analysis.store import Loaded
from rnnbench.case import AXES
from rnnbench.errors import BadResults
from rnnbench.record import METRICS, STATUSES, Run

_WANTED = ("step_time_s", "activation_bytes", "peak_allocated_bytes", "time_to_target_s", "test_error", "beside_ratio", "clip_cost_s")
TRACKED = tuple(name for name in _WANTED if name in METRICS)
NEWEST = 400  # points of a series that are looked at: a page that nobody can read helps nobody, and the cost stays linear
_MISSING = float("nan")
_STATUS = {name: number for number, name in enumerate(STATUSES)}


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run, without its records."""

    id: str
    key: str  # by which its source finds it again
    started_utc: str
    finished_utc: str
    suites: tuple[Mapping[str, Any], ...]
    machine: str
    commit: str
    counts: Mapping[str, int]
    planned: int


@dataclass(frozen=True, slots=True)
class Point:
    """One run's figure of one case. `value` is none where the case was not measured; `low` and `high` enclose it where known."""

    run: RunLine
    status: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one case on one kind of machine, in order of time; `left_out` older points are not in it. `canary` is the case
    whose drift was divided out."""

    metric: str
    machine: str
    points: Sequence[Point]
    changes: Sequence[Shift]
    left_out: int
    canary: str = ""

    @property
    def measured(self) -> list[Point]:
        """The points with a figure; changes count along these."""
        return [point for point in self.points if point.value is not None]


@dataclass(slots=True)
class _Track:
    """A case on one kind of machine, as columns."""

    runs: "array[int]" = field(default_factory=lambda: array("L"))
    status: "array[int]" = field(default_factory=lambda: array("B"))
    values: "dict[str, array[float]]" = field(default_factory=dict)

    def add(self, run: int, one: Observed, ends: tuple[float, float]) -> None:
        place = len(self.runs)
        self.runs.append(run)
        self.status.append(_STATUS[one.status])
        figures = {name: _middle(one.values[name]) for name in TRACKED if name in one.values}
        for name, value in {**figures, "low": ends[0], "high": ends[1]}.items():
            column = self.values.setdefault(name, array("d"))
            column.extend([_MISSING] * (place - len(column)))
            column.append(value)

    def at(self, name: str, place: int) -> float | None:
        column = self.values.get(name)
        value = column[place] if column is not None and place < len(column) else _MISSING
        return None if value != value else value


@dataclass(slots=True)
class CaseLine:
    """One case: its fields, and a track for each kind of machine."""

    id: str
    suite: str
    axes: tuple[Any, ...]
    tracks: dict[str, _Track] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Digest:
    """`runs` in order of time, `cases` by id, and what could not be read."""

    runs: Sequence[RunLine]
    cases: Mapping[str, CaseLine]
    notes: Sequence[str]
    read: Sequence[RunLine]
    drifts: Mapping[str, tuple[str, Mapping[int, float]]] = field(default_factory=dict)
    """Of each kind of machine that always ran the canary: that case, and how much slower than usual each run was, by its number."""

    def series(self, case: str, metrics: Iterable[str] = TRACKED) -> Iterator[Series]:
        """What a case did over time, a metric and machine at a time, where there is any figure of it."""
        for machine, track in self.cases[case].tracks.items():
            order = _in_time(track, self.read)
            for metric in metrics:
                if metric in track.values:
                    found = self._series(track, machine, metric, order)
                    if found.measured:
                        yield found

    def _at(self, track: _Track, place: int) -> RunLine:
        return self.read[track.runs[place]]

    def _series(self, track: _Track, machine: str, metric: str, order: Sequence[int]) -> Series:
        newest = order[-NEWEST:]
        canary, slower = self._drift(track, machine, metric, newest)
        bounds = metric == "step_time_s"
        points = []
        for place in newest:
            value, low, high = (track.at(name, place) for name in (metric, "low", "high"))
            by = slower.get(track.runs[place], 1.0)
            ends = [None if end is None or not bounds else end / by for end in (low, high)]
            middle = None if value is None else value / by
            points.append(Point(self._at(track, place), tuple(STATUSES)[track.status[place]], middle, *ends))
        values = [point.value for point in points if point.value is not None]
        return Series(metric, machine, points, _changes(metric, values), max(0, len(order) - NEWEST), canary)

    def _drift(self, track: _Track, machine: str, metric: str, newest: Sequence[int]) -> tuple[str, Mapping[int, float]]:
        """What to divide each run's figure by: nothing, unless all of these runs had the canary and this is not it."""
        canary, slower = self.drifts.get(machine, ("", {}))
        power = power_of_drift(metric)
        own = canary in self.cases and self.cases[canary].tracks.get(machine) is track
        if not power or own or not all(track.runs[place] in slower for place in newest):
            return "", {}
        return canary, {run: by**power for run, by in slower.items()} if power != 1 else slower


def _changes(metric: str, values: Sequence[float]) -> list[Shift]:
    """Changes of level of what is sampled; of an exact figure every difference is one."""
    if METRICS[metric].deterministic:
        return [Shift(at, before, after, 0.0) for at, (before, after) in enumerate(pairwise(values), 1) if before != after and before]
    return shifts(values) if all(value > 0 for value in values) else []


def digest(results: Path | Source) -> Digest:
    """Read a results folder or a store, a run at a time. A run that cannot be read is told and left out."""
    read: list[RunLine] = []
    cases: dict[str, CaseLine] = {}
    notes: list[str] = []
    source = as_source(results)
    for key in source.runs():
        try:
            loaded = source.load(key)
        except BadResults as error:
            notes.append(f"{error}; left out")
            continue
        notes += [f"{loaded.run.id}: {damage}; set aside" for damage in loaded.damage]
        read.append(_add(loaded, key, len(read), cases))
    return Digest(sorted(read, key=_age), cases, notes, read, _drifts(cases, read))


def _age(run: RunLine) -> tuple[str, str]:
    return run.started_utc, run.id


def _in_time(track: _Track, read: Sequence[RunLine]) -> list[int]:
    """The track's places, oldest first."""
    return sorted(range(len(track.runs)), key=lambda place: _age(read[track.runs[place]]))


def _drifts(cases: Mapping[str, CaseLine], read: Sequence[RunLine]) -> dict[str, tuple[str, Mapping[int, float]]]:
    """The drift of each kind of machine, by the first canary that was run there."""
    found: dict[str, tuple[str, Mapping[int, float]]] = {}
    for name, case in cases.items():
        if case.suite != CANARY:
            continue
        for machine, track in case.tracks.items():
            known = [(track.runs[place], track.at("step_time_s", place)) for place in _in_time(track, read)]
            slower = drift([(run, value) for run, value in known if value])
            if slower:
                found.setdefault(machine, (name, slower))
    return found


def _add(loaded: Loaded, key: str, number: int, cases: dict[str, CaseLine]) -> RunLine:
    """One run into the columns; its records are let go when this returns."""
    run = loaded.run
    side = side_of_run(loaded)
    machine = machine_of(side)
    first = {str(record.case): record for record in run.records if record.status == "ok"}
    for name, one in side.cases.items():
        line = cases.get(name)
        if line is None:
            axes = one.axes or {}
            line = cases[name] = CaseLine(name, str(axes.get("suite", "")), tuple(axes.get(axis) for axis in AXES))
        raw = first[name].times_s if name in first else ()
        between = list(one.values.get("step_time_s", {}).values())
        ends = median_interval(between if len(between) > 1 else raw)
        line.tracks.setdefault(machine, _Track()).add(number, one, (ends.low, ends.high) if ends else (_MISSING, _MISSING))
    return _line(run, key, machine)


def _line(run: Run, key: str, machine: str) -> RunLine:
    commit = str(run.commit.get("hash", ""))[:10] + ("+" if run.commit.get("dirty") else "")
    counts = Counter(record.status for record in run.records)
    about = tuple({name: str(suite.get(name, "")) for name in ("name", "title", "question")} for suite in run.suites)
    return RunLine(run.id, key, run.started_utc, run.finished_utc, about, machine, commit, counts, len(run.planned))


def _middle(values: Mapping[int, float]) -> float:
    ordered = sorted(values.values())
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
