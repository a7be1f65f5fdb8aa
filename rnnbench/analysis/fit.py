"""Statistics that reports quote: an interval of a median, a line, a power law, and ratios of matched cases."""

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
GOOD_FIT = 0.10  # the worst point's distance from the fit, as a share of it, up to which the fit is quoted


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


@dataclass(frozen=True, slots=True)
class Fit:
    """y = offset + value·x (a line) or y = offset·x^value (a power law). `worst` is the largest relative distance of a point."""

    kind: Literal["line", "power"]
    value: float
    low: float
    high: float
    offset: float
    points: int
    worst: float

    @property
    def good(self) -> bool:
        """May be quoted: three points or more, all near, and an interval that is narrow against the value."""
        return self.points >= 3 and self.worst <= GOOD_FIT and (self.high - self.low) / 2 <= max(0.5 * abs(self.value), 0.02)

    def at(self, x: ArrayLike) -> NDArray[np.float64]:
        """The fitted value."""
        xs = np.asarray(x, dtype=float)
        return np.asarray(self.offset + self.value * xs if self.kind == "line" else self.offset * xs**self.value, dtype=np.float64)


def line(x: ArrayLike, y: ArrayLike, error: ArrayLike | None = None) -> Fit | None:
    """Least squares of relative residuals (noise grows with the time). None with fewer than three x.

    The slope's interval is the wider of two: what the residuals say (Student's t) and what the points' own standard
    errors `error` say. The first sees a bent curve, the second is not fooled by points that lie in a row by luck."""
    xs, ys, errors = _clean(x, y, error)
    if len(np.unique(xs)) < 3:
        return None
    return _fit("line", xs, ys, errors, weights=1 / ys)


def power(x: ArrayLike, y: ArrayLike, error: ArrayLike | None = None) -> Fit | None:
    """A straight line through logarithms; the interval as for `line`. None with fewer than three x, or where x spans less than 2×."""
    xs, ys, errors = _clean(x, y, error)
    if len(np.unique(xs)) < 3 or xs.min() <= 0 or xs.max() < 2 * xs.min():
        return None
    return _fit("power", np.log(xs), np.log(ys), errors / ys, weights=np.ones_like(xs))


def _clean(x: ArrayLike, y: ArrayLike, error: ArrayLike | None) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    errors = np.zeros_like(ys) if error is None else np.nan_to_num(np.asarray(error, dtype=float))
    keep = np.isfinite(xs) & np.isfinite(ys) & (ys > 0)
    return xs[keep], ys[keep], errors[keep]


def _fit(kind: Literal["line", "power"], xs: NDArray[Any], ys: NDArray[Any], errors: NDArray[Any], weights: NDArray[Any]) -> Fit:
    design = np.stack([np.ones_like(xs), xs], axis=1) * weights[:, None]
    solver = np.linalg.pinv(design)
    offset, value = solver @ (ys * weights)
    residuals = ys * weights - design @ np.array([offset, value])
    free = len(xs) - 2
    scale = math.sqrt(float(residuals @ residuals) / free)
    from_residuals = stats.t.ppf(0.5 + CONFIDENCE / 2, free) * scale * math.sqrt(float(solver[1] @ solver[1]))
    from_errors = stats.norm.ppf(0.5 + CONFIDENCE / 2) * math.sqrt(float(np.sum((solver[1] * weights * errors) ** 2)))
    half = float(max(from_residuals, from_errors))
    if kind == "line":
        fitted = offset + value * xs
        worst = np.max(np.abs(ys - fitted) / ys)
    else:
        worst = np.max(np.abs(np.expm1(residuals)))
        offset = math.exp(offset)
    return Fit(kind, float(value), float(value) - half, float(value) + half, float(offset), len(np.unique(xs)), float(worst))


def apart(ratio: float, low: float | None, high: float | None, processes: float) -> int:
    """1: the ratio is clearly above 1. −1: clearly below. 0: not to be told. Its interval must leave out 1, and where fewer than
    ENOUGH processes stand behind it, it must also be further from 1 than single processes of equal code are."""
    margin = ALONE if processes < ENOUGH else 1.0
    if low is None or high is None:
        return 0
    return 1 if low > 1 and ratio > margin else -1 if high < 1 and ratio < 1 / margin else 0


@dataclass(frozen=True, slots=True)
class Contrast:
    """How many times a metric is of another over matched cases: the median ratio, between the least and the greatest end
    of the pairs' own 95 % intervals (None where one has none). `processes` is how many stand behind each side, in all."""

    ratio: float
    low: float | None
    high: float | None
    pairs: int
    processes: int = ENOUGH

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
    pairs = wanted[same(wanted[axis], value)].merge(wanted[same(wanted[axis], baseline)], on=others, suffixes=("", "_base"))
    return pairs[others].assign(
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
    return Contrast(float(found["ratio"].median()), low, high, len(found), ENOUGH if exact else int(found["measured"].sum()))


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
