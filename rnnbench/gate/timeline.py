"""All runs of a source in little memory: each run's outcome, and every metric over time."""

import hashlib
import json
import math
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rnnbench.analysis.changepoints import MIN_CHANGE
from rnnbench.analysis.fit import median_interval
from rnnbench.analysis.frames import Loaded
from rnnbench.case import AXES
from rnnbench.errors import BadResults
from rnnbench.gate.canary import MachineDrift, canary_among, machine_drift, power_of_drift
from rnnbench.gate.match import HARDWARE, at_path
from rnnbench.gate.policy import CANARY, NO_CANARY
from rnnbench.gate.series import Point, RunLine, Series, changes_of, pending_of
from rnnbench.gate.side import Observed, Side, side_of_run
from rnnbench.gate.source import Source, as_source
from rnnbench.record import METRICS, STATUSES, Run

_WANTED = ("step_time_s", "activation_bytes", "peak_allocated_bytes", "time_to_target_s", "test_error", "beside_ratio", "clip_cost_s")
TRACKED = tuple(name for name in _WANTED if name in METRICS)
NEWEST = 400  # points of a series that are looked at: a page that nobody can read helps nobody, and the cost stays linear
Lines = dict[str, "CaseLine"]
_MISSING = float("nan")
_STATUS = {name: number for number, name in enumerate(STATUSES)}


def _finite(values: Collection[float]) -> bool:
    return bool(values) and all(map(math.isfinite, values))


@dataclass(slots=True)
class _Track:
    """A case on one kind of machine, as columns."""

    runs: "array[int]" = field(default_factory=lambda: array("L"))
    status: "array[int]" = field(default_factory=lambda: array("B"))
    values: "dict[str, array[float]]" = field(default_factory=dict)

    def add(self, run: int, one: Observed, ends: tuple[float, float] | None, metrics: Sequence[str]) -> None:
        place = len(self.runs)
        self.runs.append(run)
        self.status.append(_STATUS[one.status])
        figures = {name: median(one.values[name].values()) for name in metrics if _finite(one.values.get(name, {}).values())}
        bounds = dict(zip(("low", "high"), ends, strict=True)) if ends else {}
        for name, value in {**figures, **bounds}.items():
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
class Timeline:
    """`runs` in order of time, `read` in the order in which they were read, `cases` by id, and what could not be read. `drifts` is the
    machine's drift by kind of machine, each run by its place in `read`; `newest` the number of points of a series that are looked at."""

    runs: Sequence[RunLine]
    read: Sequence[RunLine]
    cases: Mapping[str, CaseLine]
    notes: Sequence[str]
    drifts: Mapping[str, MachineDrift[int]] = field(default_factory=dict)
    min_change: float = MIN_CHANGE
    newest: int | None = None

    def series(self, case: str, metrics: Iterable[str] = TRACKED) -> Iterator[Series]:
        """What a case did over time, a metric and machine at a time, where there is any figure of it."""
        for machine, track in self.cases[case].tracks.items():
            order = _in_time(track, self.read)
            for metric in metrics:
                if metric in track.values:
                    found = self._series(case, track, machine, metric, order)
                    if found.measured:
                        yield found

    def _series(self, case: str, track: _Track, machine: str, metric: str, order: Sequence[int]) -> Series:
        newest = order[-(self.newest or len(order)) :]
        drift = self._drift(case, track, machine, metric, newest)
        power, bounds = power_of_drift(metric), metric == "step_time_s"
        points, doubts = [], []
        for place in newest:
            value, low, high = (track.at(name, place) for name in (metric, "low", "high"))
            run = track.runs[place]
            by = drift.slower[run] ** power if drift else 1.0
            ends = [None if end is None or not bounds else end / by for end in (low, high)]
            points.append(Point(self.read[run], tuple(STATUSES)[track.status[place]], None if value is None else value / by, *ends))
            if value is not None and drift:
                doubts.append(drift.doubts[run])
        measured = [point for point in points if point.value is not None]
        changes = changes_of(metric, measured, doubts, self.min_change)
        open_ = pending_of(metric, measured, changes, doubts, self.min_change)
        return Series(case, metric, machine, tuple(points), changes, len(order) - len(newest), drift.case if drift else "", open_)

    def _drift(self, case: str, track: _Track, machine: str, metric: str, newest: Sequence[int]) -> MachineDrift[int] | None:
        """What each run's figure is divided by: nothing, unless all of these runs had the canary and this is not it."""
        found = self.drifts.get(machine)
        if found is None or found.case == case or not power_of_drift(metric):
            return None
        return found if all(track.runs[place] in found.slower for place in newest) else None


def timeline(results: Path | Source) -> Timeline:
    """Read a results folder or a store, a run at a time. A run that cannot be read is noted and left out."""
    read: list[RunLine] = []
    cases: Lines = {}
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
    return Timeline(sorted(read, key=_age), read, cases, notes, drifts_of(cases, read), newest=NEWEST)


def of_sides(sides: Sequence[Side], metrics: Sequence[str], notes: Sequence[str], canary: str, min_change: float) -> Timeline:
    """The same from figures alone, of these metrics, without intervals."""
    read: list[RunLine] = []
    cases: Lines = {}
    for side in sides:
        machine, commit = machine_of(side), str(side.commit.get("hash", ""))
        for name, one in side.cases.items():
            _track(cases, name, one, machine).add(len(read), one, None, metrics)
        read.append(RunLine(side.label, side.label, side.taken_utc, machine=machine, commit=commit[:10], hash=commit))
    return Timeline(sorted(read, key=_age), read, cases, notes, drifts_of(cases, read, canary), min_change)


def machine_of(side: Side) -> str:
    """A name for hardware and conditions: figures under different names are never in one series."""
    facts = {name: at_path(side.machine, name) for name in HARDWARE} | {"conditions": dict(side.conditions)}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:8]
    gpus = facts["gpus"] if isinstance(facts["gpus"], list) else []
    return f"{gpus[0] if gpus else facts['cpu.model'] or 'unknown'} #{digest}"


def _age(run: RunLine) -> tuple[str, str]:
    return run.started_utc, run.id


def _in_time(track: _Track, read: Sequence[RunLine]) -> list[int]:
    """The track's places, oldest first."""
    return sorted(range(len(track.runs)), key=lambda place: _age(read[track.runs[place]]))


def drifts_of(cases: Mapping[str, CaseLine], read: Sequence[RunLine], asked: str = CANARY) -> dict[str, MachineDrift[int]]:
    """The drift of each kind of machine by its canary: a case's id, `canary` for the shipped one, or `none`."""
    name = canary_among(cases, asked) if asked != NO_CANARY else ""
    found: dict[str, MachineDrift[int]] = {}
    for machine, track in cases[name].tracks.items() if name else ():
        values = [(track.runs[place], track.at("step_time_s", place)) for place in _in_time(track, read)]
        drift = machine_drift(name, [(run, value) for run, value in values if value])
        if drift is not None:
            found[machine] = drift
    return found


def _add(loaded: Loaded, key: str, number: int, cases: dict[str, CaseLine]) -> RunLine:
    """One run into the columns; its records are let go when this returns."""
    run = loaded.run
    side = side_of_run(loaded)
    machine = machine_of(side)
    first = {str(record.case): record for record in run.records if record.status == "ok"}
    for name, one in side.cases.items():
        raw = first[name].times_s if name in first else ()
        between = list(one.values.get("step_time_s", {}).values())
        ends = median_interval(between if len(between) > 1 else raw)
        _track(cases, name, one, machine).add(number, one, (ends.low, ends.high) if ends else None, TRACKED)
    return _line(run, key, machine)


def _track(cases: Lines, name: str, one: Observed, machine: str) -> _Track:
    line = cases.get(name)
    if line is None:
        axes = one.axes or {}
        line = cases[name] = CaseLine(name, str(axes.get("suite", "")), tuple(axes.get(axis) for axis in AXES))
    return line.tracks.setdefault(machine, _Track())


def _line(run: Run, key: str, machine: str) -> RunLine:
    commit = str(run.commit.get("hash", ""))
    short = commit[:10] + ("+" if run.commit.get("dirty") else "")
    counts = Counter(record.status for record in run.records)
    about = tuple({name: str(suite.get(name, "")) for name in ("name", "title", "question")} for suite in run.suites)
    return RunLine(run.id, key, run.started_utc, run.finished_utc, about, machine, short, commit, counts, len(run.planned))
