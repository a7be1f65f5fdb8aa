"""Trainings over seeds: censored medians of steps and time to target, curves with bands, the Pareto front.

A training that missed its target says only that it would have taken longer than it was given: it is censored, not left out. One that
diverged would never have reached it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, isinf
from typing import Any

import numpy as np
from scipy.stats import CensoredData, binom, ecdf

from rnnbench.case import AXES, TAUGHT
from rnnbench.record import Point, Record, Run

CONFIDENCE = 0.95
TUNED_NOTE = "tuned: "
TUNED_AXES = ("lr", "schedule", "clip_norm")
GRID = 60  # points of a curve's band
Key = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Middle:
    """A median over seeds with the ends of its interval; infinite is "not within what was tried". `coverage` is what they truly cover."""

    value: float
    low: float
    high: float
    coverage: float
    reached: int
    tried: int


@dataclass(frozen=True, slots=True)
class Trained:
    """The trainings that differ in nothing but their seed (or process)."""

    axes: Key
    records: tuple[Record, ...]

    def axis(self, name: str) -> Any:
        """What the cases have on an axis."""
        return dict(self.axes)[name]

    @property
    def tuning(self) -> str:
        """`12 trials`, where rnnbench tune chose learning rate, schedule and clipping; else empty."""
        notes = (note for record in self.records for note in record.notes if note.startswith(TUNED_NOTE))
        return next((note.removeprefix(TUNED_NOTE).partition(",")[0] for note in notes), "")

    @property
    def diverged(self) -> int:
        """How many of them did."""
        return sum(record.status == "diverged" for record in self.records)

    def values(self, metric: str) -> list[float]:
        """A metric of those that ended well."""
        return [record.metrics[metric] for record in self.records if record.status == "ok" and metric in record.metrics]

    @property
    def errors(self) -> list[float]:
        """Test errors, one a seed: infinite where it diverged, left out where it was not tested."""
        found = [inf if record.status == "diverged" else record.metrics.get("test_error") for record in self.records]
        return [error for error in found if error is not None]

    def median(self, metric: str) -> float | None:
        """Over those that ended well; none where there is none."""
        found = self.values(metric)
        return float(np.median(found)) if found else None

    def to_target(self, metric: str, spent: str) -> Middle | None:
        """Steps or seconds to the target; `spent` is the metric of what a training that missed it was given."""
        reached, missed = self._to_target(metric, spent)
        return censored_median(reached, missed) if reached or missed else None

    @property
    def steps_to_target(self) -> tuple[list[float], list[float]]:
        """Steps of those that reached it, and of those that missed it the steps they were given; infinite where they diverged."""
        return self._to_target("steps_to_target", "training_steps")

    def _to_target(self, metric: str, spent: str) -> tuple[list[float], list[float]]:
        reached, missed = [], []
        for record in self.records:
            if record.status == "diverged":
                missed.append(inf)
            elif record.status == "ok" and metric in record.metrics:
                reached.append(record.metrics[metric])
            elif record.status == "ok":
                missed.append(record.metrics[spent])
        return reached, missed


def equal_budget(groups: Iterable[Trained]) -> bool:
    """Whether every training that ended took the same number of steps. Only then do their qualities say which network learns better: one
    that stopped at its target would have gone on improving."""
    return len({steps for group in groups for steps in group.values("training_steps")}) <= 1


def trained(runs: Run | Iterable[Run]) -> list[Trained]:
    """Groups of trainings that are alike but for the seed, in the order in which they were recorded. Cases that could not be had
    are left out."""
    groups: dict[Key, dict[tuple[str, str, int], Record]] = {}
    for run in [runs] if isinstance(runs, Run) else runs:
        for record in run.records:
            if record.case.phase == "converge" and record.status in ("ok", "diverged"):
                fields = {name: getattr(record.case, name) for name in AXES if name != "seed"}
                key = (("suite", record.case.suite), *fields.items())
                groups.setdefault(key, {})[(run.id, *record.key)] = record
    return [Trained(key, tuple(records.values())) for key, records in groups.items()]


def censored_median(reached: Sequence[float], missed: Sequence[float], confidence: float = CONFIDENCE) -> Middle:
    """The Kaplan–Meier median of times of which some are only known to be longer, with the interval of order statistics.

    The interval takes the censored as longer than all that were seen, which is true of equal budgets, and can only widen it.
    """
    tried = len(reached) + len(missed)
    value = _km_median(reached, missed)
    ordered = sorted(reached) + [inf] * len(missed)
    for rank in range((tried + 1) // 2, 0, -1):
        coverage = float(1 - 2 * binom.cdf(rank - 1, tried, 0.5))
        if coverage >= confidence:
            break
    return Middle(value, ordered[rank - 1], ordered[tried - rank], coverage, len(reached), tried)


def _km_median(reached: Sequence[float], missed: Sequence[float]) -> float:
    """Where survival falls to a half; between the two places where it stays there."""
    if not reached:
        return inf
    last = max([*reached, *(one for one in missed if not isinf(one))])
    held = [min(one, last + 1) for one in missed]
    survival = ecdf(CensoredData(uncensored=list(reached), right=held)).sf
    times, shares = np.asarray(survival.quantiles), np.asarray(survival.probabilities)
    at_most = np.flatnonzero(shares <= 0.5 + 1e-9)
    if not len(at_most):
        return inf
    first = at_most[0]
    if abs(shares[first] - 0.5) > 1e-9:
        return float(times[first])
    after = [time for time, share in zip(times, shares, strict=True) if share < 0.5 - 1e-9]
    return float((times[first] + after[0]) / 2) if after else inf


@dataclass(frozen=True, slots=True)
class Band:
    """A quantity against time over seeds: its median, lowest and highest, each of `at`'s length."""

    at: Sequence[float]
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    seeds: int


def band(curves: Sequence[Sequence[Point]], what: str, against: str = "seconds") -> Band | None:
    """The band of `loss` or `quality` against `seconds` or `steps`. A training that has ended keeps its last value, so that the
    band does not forget those that were quick."""
    x, y = {"steps": 0, "seconds": 1}[against], {"loss": 2, "quality": 3}[what]
    full = [np.asarray(curve, dtype=float) for curve in curves if curve]
    if not full:
        return None
    first, last = min(curve[0, x] for curve in full), max(curve[-1, x] for curve in full)
    at = np.linspace(first, last, GRID)
    table = np.stack([np.interp(at, curve[:, x], curve[:, y]) for curve in full])
    middle, low, high = (np.quantile(table, share, axis=0) for share in (0.5, 0.0, 1.0))
    return Band(at.tolist(), middle.tolist(), low.tolist(), high.tolist(), len(full))


def worth_it(rows: Sequence[Sequence[float]]) -> list[bool]:
    """Which of several are on the Pareto front, each a row of costs: none other is as low in all of them and lower in one."""

    def beats(one: Sequence[float], other: Sequence[float]) -> bool:
        return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)

    return [not any(beats(one, row) for one in rows) for row in rows]


TUNED = ("lr",)  # axes of which each kind of student keeps what was best on the validation split


@dataclass(frozen=True, slots=True)
class Gap:
    """What being taught did to one kind of student: test errors, the learning rates that they were tuned to, and the share of the way from
    student alone to teacher that was closed, by seed: median with the ends of its interval. `tried` counts learning rates."""

    task: str
    how: str
    teacher: float
    alone: Trained
    taught: Trained
    tried: int
    closed: Middle | None


def gaps(groups: Sequence[Trained]) -> list[Gap]:
    """For each task with distilled students. The teacher is the undistilled case with the most parameters, of the seed that taught; student
    alone and student taught are each at the learning rate with the least median validation error, of those that were tried."""
    found = []
    for task in dict.fromkeys(group.axis("task") for group in groups if group.axis("distilled")):
        here = [group for group in groups if group.axis("task") == task and group.values("test_error")]
        kinds: dict[tuple[Key, bool, str], list[Trained]] = {}
        for group in here:
            kinds.setdefault((_student(group), group.axis("distilled"), how_taught(group)), []).append(group)
        for (student, distilled, how), taught in kinds.items():
            alone = kinds.get((student, False, ""))
            others = [group for group in here if not group.axis("distilled") and _student(group) != student]
            if distilled and alone and others:
                teacher = max(others, key=lambda one: one.median("parameters") or 0.0)
                found.append(_gap(str(task), how, teacher, _tuned(alone), _tuned(taught), len(taught)))
    return found


def _student(group: Trained) -> Key:
    return tuple((name, value) for name, value in group.axes if name not in (*TAUGHT, *TUNED))


def how_taught(group: Trained) -> str:
    """In a few words; empty for who was not."""
    if not group.axis("distilled"):
        return ""
    what = "answers and hidden states" if group.axis("match_hidden") else "answers"
    return f"{what}, temperature {group.axis('temperature'):g}, share {group.axis('teacher_share'):g}"


def _tuned(groups: Sequence[Trained]) -> Trained:
    return min(groups, key=lambda one: one.median("validation_error") or 0.0)


def _gap(task: str, how: str, teacher: Trained, alone: Trained, taught: Trained, tried: int) -> Gap:
    theirs = _errors(teacher)
    top = theirs.get(min(theirs), 0.0)
    mine = _errors(alone)
    pairs = [(mine[seed], its) for seed, its in _errors(taught).items() if seed in mine]
    gap = (alone.median("test_error") or 0.0) - top
    closed = censored_median([(one - its) / gap for one, its in pairs], []) if gap > 0 and pairs else None
    return Gap(task, how, top, alone, taught, tried, closed)


def _errors(group: Trained) -> dict[int, float]:
    """Test error by seed."""
    return {record.case.seed: record.metrics["test_error"] for record in group.records if "test_error" in record.metrics}
