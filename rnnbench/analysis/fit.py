"""The statistics that reports quote: intervals of medians, linear and power-law fits, ratios of matched cases."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from rnnbench.case import AXES

CONFIDENCE = 0.95
ALONE = 1.2  # one process a side: of equal code, 5 in 100 neighbouring processes lay further apart on a shared machine (docs/method.md)
ENOUGH = 5  # processes a side from which on their intervals alone tell, as in `compare`
GOOD_FIT = 0.10  # of exact figures, the worst point's distance from the fit, as a share of it, up to which the fit is quoted
FEWEST = 4  # points of a quoted fit of measured figures: any three lie near some power law
FAR = 20.0  # × the largest standard error of a point: no process differs from the next by so many times what its rounds differ by
BENT = 0.10  # p-value of a bend below which a fit is not quoted
_DRAWS, _SEED = 200_000, 20261104


@dataclass(frozen=True, slots=True)
class Interval:
    """Two ends, and the probability with which such ends enclose what is estimated."""

    low: float
    high: float
    coverage: float


def median_interval(values: ArrayLike, confidence: float = CONFIDENCE) -> Interval | None:
    """The median's distribution-free interval, from order statistics. With fewer than six values none reaches 95 %:
    then it is their range, and `coverage` says what that is worth. None for fewer than two."""
    ordered = np.sort(np.asarray(values, dtype=float))
    count = len(ordered)
    if count < 2:
        return None
    rank, coverage = _rank(count, confidence)
    return Interval(float(ordered[rank - 1]), float(ordered[count - rank]), coverage)


@cache
def _rank(count: int, confidence: float) -> tuple[int, float]:
    """Which order statistic, from either end, bounds the median, and the probability that both enclose it."""
    rank = max(int(stats.binom.ppf((1 - confidence) / 2, count, 0.5)), 1)
    return rank, 1 - 2 * float(stats.binom.cdf(rank - 1, count, 0.5))


def quantile_interval(values: ArrayLike, share: float, confidence: float = CONFIDENCE) -> Interval | None:
    """The distribution-free interval of the quantile below which `share` of the values lie, from order statistics. An end that
    so few values cannot bound is infinite. None for fewer than two."""
    ordered = np.sort(np.asarray(values, dtype=float))
    count = len(ordered)
    if count < 2:
        return None
    tail = (1 - confidence) / 2
    below = int(stats.binom.ppf(tail, count, share))  # P(fewer values below the quantile) ≤ tail
    above = int(stats.binom.ppf(1 - tail, count, share)) + 1
    low = float(ordered[below - 1]) if below >= 1 else -math.inf
    high = float(ordered[above - 1]) if above <= count else math.inf
    coverage = float(stats.binom.cdf(above - 1, count, share) - stats.binom.cdf(below - 1, count, share))
    return Interval(low, high, coverage)


@dataclass(frozen=True, slots=True)
class Fit:
    """y = offset + value·x (a line) or y = offset·x^value (a power law). `low` and `high` hold the true value in 95 % of the fits that
    may be quoted. `worst` is the largest relative distance of a point, `bend_p` the p-value of a bend, `strained` whether a point is off by
    far more than its own error explains, `exact` whether y has no noise."""

    kind: Literal["line", "power"]
    value: float
    low: float
    high: float
    offset: float
    points: int
    worst: float
    bend_p: float
    strained: bool = False
    exact: bool = False

    @property
    def good(self) -> bool:
        """May be quoted. Of measured figures: four points or more, no sign of a bend, none far off. How near the points lie, or how
        narrow the interval is, must not decide: whoever quotes only lucky fits quotes intervals that are too narrow. Of exact figures:
        three points or more, all near, and an interval that is narrow against the value."""
        if self.exact:
            return self.points >= 3 and self.worst <= GOOD_FIT and (self.high - self.low) / 2 <= max(0.5 * abs(self.value), 0.02)
        return self.points >= FEWEST and self.bend_p > BENT and not self.strained

    def at(self, x: ArrayLike) -> NDArray[np.float64]:
        """The fitted value."""
        xs = np.asarray(x, dtype=float)
        return np.asarray(self.offset + self.value * xs if self.kind == "line" else self.offset * xs**self.value, dtype=np.float64)


def line(x: ArrayLike, y: ArrayLike, error: ArrayLike | None = None, *, exact: bool = False) -> Fit | None:
    """Least squares of relative residuals (noise grows with the time). None with fewer than three x.

    The slope's interval is the wider of two: what the residuals say (Student's t) and what the points' own standard
    errors `error` say. The first grows where the curve bends, the second where points lie in a row by luck."""
    xs, ys, errors = _clean(x, y, error)
    if len(np.unique(xs)) < 3:
        return None
    first = _solved(xs, ys, 1 / ys)[0]
    fitted = first[0] + first[1] * xs
    return _fit("line", xs, ys, errors, weights=1 / (fitted if np.all(fitted > 0) else ys), exact=exact)


def power(x: ArrayLike, y: ArrayLike, error: ArrayLike | None = None, *, exact: bool = False) -> Fit | None:
    """A straight line through logarithms; the interval as for `line`. None with fewer than three x, or where x spans less than 2×."""
    xs, ys, errors = _clean(x, y, error)
    if len(np.unique(xs)) < 3 or xs.min() <= 0 or xs.max() < 2 * xs.min():
        return None
    return _fit("power", np.log(xs), np.log(ys), errors / ys, weights=np.ones_like(xs), exact=exact)


def _clean(x: ArrayLike, y: ArrayLike, error: ArrayLike | None) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    errors = np.zeros_like(ys) if error is None else np.nan_to_num(np.asarray(error, dtype=float))
    keep = np.isfinite(xs) & np.isfinite(ys) & (ys > 0)
    return xs[keep], ys[keep], errors[keep]


def _solved(xs: NDArray[Any], ys: NDArray[Any], weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Offset and slope, the matrix that gives them, and weighted residuals."""
    design = np.stack([np.ones_like(xs), xs], axis=1) * weights[:, None]
    solver = np.linalg.pinv(design)
    found = solver @ (ys * weights)
    return found, solver, ys * weights - design @ found


def _fit(
    kind: Literal["line", "power"], xs: NDArray[Any], ys: NDArray[Any], errors: NDArray[Any], weights: NDArray[Any], *, exact: bool
) -> Fit:
    (offset, value), solver, residuals = _solved(xs, ys, weights)
    free = len(xs) - 2
    scale = math.sqrt(float(residuals @ residuals) / free)
    from_residuals = _quantile(free) * scale * math.sqrt(float(solver[1] @ solver[1]))
    from_errors = stats.norm.ppf(0.5 + CONFIDENCE / 2) * math.sqrt(float(np.sum((solver[1] * weights * errors) ** 2)))
    half = float(max(from_residuals, from_errors))
    if kind == "line":
        fitted = offset + value * xs
        worst = np.max(np.abs(ys - fitted) / ys)
    else:
        worst = np.max(np.abs(np.expm1(residuals)))
        offset = math.exp(offset)
    points, bend_p = len(np.unique(xs)), _bend(xs, residuals, weights)
    own = np.max(errors if kind == "power" else errors / ys)
    strained = bool(own > 0 and worst > max(GOOD_FIT, FAR * own))
    return Fit(kind, float(value), float(value) - half, float(value) + half, float(offset), points, float(worst), bend_p, strained, exact)


def _bend(xs: NDArray[Any], residuals: NDArray[Any], weights: NDArray[Any]) -> float:
    """The p-value of a square term beside the straight line (Student's t); 1 where too few points are left to judge it by."""
    free = len(xs) - 3
    square = _solved(xs, xs**2, weights)[2]
    length, whole = float(square @ square), float(residuals @ residuals)
    if free < 1 or len(np.unique(xs)) < FEWEST or length < 1e-18 or whole < 1e-18:
        return 1.0
    part = float(square @ residuals) ** 2 / length
    rest = max((whole - part) / free, 1e-300)
    return float(2 * stats.t.sf(math.sqrt(part / rest), free))


@cache
def _quantile(free: int) -> float:
    """What multiplies a slope's standard error so that the interval holds 95 % of the slopes that are quoted, which are those whose
    residuals show no bend: a little more than Student's t. By simulation with a fixed seed."""
    if free < 2:
        return float(stats.t.ppf(0.5 + CONFIDENCE / 2, free))
    luck = np.random.default_rng(_SEED)
    slope, bend, rest = luck.standard_normal(_DRAWS), luck.standard_normal(_DRAWS) ** 2, luck.chisquare(free - 1, _DRAWS)
    straight = bend / (rest / (free - 1)) <= stats.t.ppf(1 - BENT / 2, free - 1) ** 2
    return float(np.quantile(np.abs(slope[straight]) / np.sqrt((bend + rest)[straight] / free), CONFIDENCE))


def apart(ratio: float, low: float | None, high: float | None, processes: float) -> int:
    """1: the ratio is clearly above 1. −1: clearly below. 0: not to be told. Its interval must leave out 1, and where fewer than
    ENOUGH processes stand behind it, it must also be further from 1 than single processes of equal code are."""
    margin = ALONE if processes < ENOUGH else 1.0
    if low is None or high is None:
        return 0
    return 1 if low > 1 and ratio > margin else -1 if high < 1 and ratio < 1 / margin else 0


@cache
def quotient_coverage(ours: int, theirs: int, confidence: float = CONFIDENCE) -> float:
    """The probability that the far ends of two median intervals, of so many values each, enclose the ratio of the medians. The two miss
    it where one interval lies wholly above the other, which is a matter of ranks alone where both sides have one shape."""
    (rank, _), (other, _) = _rank(ours, confidence), _rank(theirs, confidence)
    tails = 0.0
    for low, count, high, rest in ((rank, ours, theirs - other + 1, theirs), (other, theirs, ours - rank + 1, ours)):
        # all sides' values in order: the `low`-th of `count` comes after at least `high` of the `rest`
        tails += sum(float(stats.nhypergeom.pmf(before, count + rest, rest, low)) for before in range(high, rest + 1))
    return 1 - tails


@dataclass(frozen=True, slots=True)
class Contrast:
    """How many times a metric is of another over matched cases: the median ratio, between the least and the greatest end
    of the pairs' own intervals (None where one has none), which hold the truth with probability `coverage` each. `processes` is how many
    stand behind each side, in all."""

    ratio: float
    low: float | None
    high: float | None
    pairs: int
    processes: int = ENOUGH
    coverage: float = CONFIDENCE

    @property
    def level(self) -> str:
        """What the interval is, as a reader is told: `95 % CI`, or less where few processes cannot cover that."""
        return f"{math.floor(100 * min(self.coverage, CONFIDENCE) + 0.5):g} % CI"

    @property
    def clear(self) -> bool:
        """Whether all of it lies to one side of 1, and far enough."""
        return apart(self.ratio, self.low, self.high, self.processes) != 0


def ratios(cases: pd.DataFrame, axis: str, value: Any, baseline: Any, metric: str = "step_time_s") -> pd.DataFrame:
    """The ratio of `metric` at `axis` = value to that at its baseline, for every pair of cases alike in all other axes."""
    others = [name for name in (*AXES, "run") if name != axis]
    fine = cases[(cases["status"] == "ok") & cases[metric].notna() & (cases[metric] > 0)]
    bounds = {"low": "step_time_low", "high": "step_time_high"} if metric == "step_time_s" else {"low": metric, "high": metric}
    wanted = fine[[*others, axis]].assign(middle=fine[metric], **{end: fine[name] for end, name in bounds.items()})
    wanted["measured"] = fine["measured_processes"]
    wanted["values"] = fine["measured_processes"].where(fine["measured_processes"] > 1, fine["samples"])
    pairs = wanted[same(wanted[axis], value)].merge(wanted[same(wanted[axis], baseline)], on=others, suffixes=("", "_base"))
    counts = zip(pairs["values"], pairs["values_base"], strict=True)
    return pairs[others].assign(
        coverage=[quotient_coverage(int(one), int(other)) if min(one, other) > 1 else math.nan for one, other in counts],
        ratio=pairs["middle"] / pairs["middle_base"],
        low=pairs["low"] / pairs["high_base"],
        high=pairs["high"] / pairs["low_base"],
        measured=pairs[["measured", "measured_base"]].min(axis=1),
    )


def contrast(cases: pd.DataFrame, axis: str, value: Any, baseline: Any, metric: str = "step_time_s") -> Contrast | None:
    """The ratios summed up: the median, between the least and the most. None where no two cases match."""
    found = ratios(cases, axis, value, baseline, metric)
    if found.empty:
        return None
    known = bool(found["low"].notna().all() and found["high"].notna().all())
    low, high = (float(found["low"].min()), float(found["high"].max())) if known else (None, None)
    exact = metric != "step_time_s"
    coverage = CONFIDENCE if exact or not known else float(found["coverage"].min())
    return Contrast(float(found["ratio"].median()), low, high, len(found), ENOUGH if exact else int(found["measured"].sum()), coverage)


def same(column: "pd.Series[Any]", value: Any) -> "pd.Series[bool]":
    """Where a column holds `value`; None is a value like any other."""
    return column.isna() if value is None else column == value


def where(cases: pd.DataFrame, values: Mapping[str, Any]) -> pd.DataFrame:
    """The rows that hold all these values."""
    keep = pd.Series(True, index=cases.index)
    for name, value in values.items():
        keep &= same(cases[name], value)
    return cases[keep]


def in_order(axis: str, values: Sequence[Any]) -> list[Any]:
    """An axis's values as they should be read: none first, numbers by size, names by the axis's own list, else as they came."""
    seen = list(dict.fromkeys(None if value is None or value != value else value for value in values))
    known = (AXES[axis].values if axis in AXES else None) or ()
    if all(value is None or isinstance(value, int | float | np.number) for value in seen):
        return sorted(seen, key=lambda value: (value is not None, value or 0))
    return sorted(seen, key=lambda value: (value is not None, known.index(value) if value in known else len(known)))
