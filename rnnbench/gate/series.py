"""One metric of one case over time: its points, and its change points with their commit ranges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import log
from typing import Any

from rnnbench.analysis.changepoints import MIN_CHANGE, SHORTEST, Shift, pending, shifts
from rnnbench.gate.side import usable
from rnnbench.record import METRICS


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run, without its records. Its source finds it again by `key`. `commit` is its `hash` in short, with + for uncommitted changes."""

    id: str
    key: str = ""
    started_utc: str = ""
    finished_utc: str = ""
    suites: tuple[Mapping[str, Any], ...] = ()
    machine: str = ""
    commit: str = ""
    hash: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    planned: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One run's figure: the median of its processes'. `value` is None where the case was not measured; `low` and `high` enclose it
    where that is known."""

    run: RunLine
    status: str
    value: float | None
    low: float | None = None
    high: float | None = None


TRIAGE_STATES = ("accepted", "fixed", "noise")


@dataclass(frozen=True, slots=True)
class Triage:
    """What someone decided about a change point: one of `TRIAGE_STATES`, and why."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level between two runs that follow each other. `worse` is None where the metric is neither good nor bad, `triage`
    where nobody has triaged it."""

    shift: Shift
    last_before: Point
    first_after: Point
    worse: bool | None
    triage: Triage | None = None

    @property
    def triage_text(self) -> str:
        """`accepted: the new layer`; empty if nobody has triaged it."""
        return f"{self.triage.state}: {self.triage.reason}" if self.triage else ""

    @property
    def at(self) -> int:
        """The place of the first point after, among the measured ones."""
        return self.shift.at

    @property
    def before(self) -> float:
        """The level before."""
        return self.shift.before

    @property
    def after(self) -> float:
        """The level after."""
        return self.shift.after

    @property
    def ratio(self) -> float:
        """After ÷ before."""
        return self.shift.ratio

    @property
    def commits(self) -> str:
        """The range in which the cause lies, as git takes it."""
        before, after = self.last_before.run.hash[:10] or "?", self.first_after.run.hash[:10] or "?"
        return before if before == after else f"{before}..{after}"


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one case on one kind of machine, in order of time; `left_out` older points are not in it. `canary` is the case whose
    drift was divided out, empty for none. `pending` is a change in the newest runs that are too few to test."""

    case: str
    metric: str
    machine: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()
    left_out: int = 0
    canary: str = ""
    pending: Change | None = None

    @property
    def settles_after(self) -> int:
        """How many more runs at the new level make the pending change one that can be tested; 0 without one."""
        return 0 if self.pending is None else SHORTEST - (len(self.measured) - self.pending.at)

    @property
    def measured(self) -> list[Point]:
        """The points with a figure; changes count along these."""
        return [point for point in self.points if point.value is not None]


def changes_of(metric: str, points: Sequence[Point], doubts: Sequence[float] = (), min_change: float = MIN_CHANGE) -> tuple[Change, ...]:
    """Change points of measured points; of an exact metric every difference is one.

    `doubts` is, for each point, how far a change of the machine there is open (logarithm): smaller changes are the machine's."""
    values = [point.value for point in points if point.value is not None]
    if METRICS[metric].deterministic:
        found = [Shift(at, before, after, 0.0) for at, (before, after) in enumerate(pairwise(values), 1) if before != after]
    else:
        found = shifts(values, min_change) if usable(values) else []
    return tuple(_change(metric, points, one) for one in found if _beyond(one, doubts))


def pending_of(
    metric: str, points: Sequence[Point], changes: Sequence[Change], doubts: Sequence[float] = (), min_change: float = MIN_CHANGE
) -> Change | None:
    """A change in the newest runs, after the last change point, that has too few runs to be tested. None for an exact metric."""
    values = [point.value for point in points if point.value is not None]
    if METRICS[metric].deterministic or not usable(values):
        return None
    found = pending(values, [change.shift for change in changes], min_change)
    return _change(metric, points, found) if found and _beyond(found, doubts) else None


def _beyond(one: Shift, doubts: Sequence[float]) -> bool:
    """Whether a change is larger than what the machine's own drift leaves open around it."""
    return not doubts or abs(log(one.ratio)) > max(doubts[max(0, one.at - SHORTEST) : one.at + SHORTEST])


def _change(metric: str, points: Sequence[Point], one: Shift) -> Change:
    better = METRICS[metric].better
    worse = None if better is None else (one.after > one.before) == (better == "lower")
    return Change(one, points[one.at - 1], points[one.at], worse)
