"""Where a series of figures changed its level, for good: ruptures on logarithms, outliers winsorised, small changes left alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

MIN_CHANGE = 0.02
SHORTEST = 4  # points of a level: fewer are an episode, not a change
WINDOW = 11
REACH = 3.0  # robust standard deviations from the local median, beyond which a point is an outlier
PENALTY = 6.0  # × variance × log(points), the price of one more level
LEAST_SPREAD = 0.002
LEVEL = 1e-3

Logs = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shift:
    """From point `at` on (counted from 0) the level is `after` instead of `before`."""

    at: int
    before: float
    after: float
    p: float

    @property
    def ratio(self) -> float:
        """After ÷ before."""
        return self.after / self.before

    def later(self, by: int) -> "Shift":
        """The same so many points further on, where a series is cut or joined."""
        return replace(self, at=self.at + by)


def shifts(values: Sequence[float], min_change: float = MIN_CHANGE) -> list[Shift]:
    """The changes of level of a series of figures above 0, oldest first. None in fewer than two shortest levels."""
    if len(values) < 2 * SHORTEST:
        return []
    logs = np.log(np.asarray(values, float))
    spread = noise(logs)
    calm = winsorised(logs, spread)
    bounds = _levels(calm, spread, min_change)
    found = []
    for start, at, end in zip(bounds, bounds[1:], bounds[2:], strict=False):
        p = float(stats.mannwhitneyu(calm[start:at], calm[at:end], method="asymptotic").pvalue)
        before, after = (float(np.exp(np.median(part))) for part in (logs[start:at], logs[at:end]))
        found.append(Shift(at, before, after, p))
    return found


def noise(logs: Logs) -> float:
    """The spread of neighbours, which neither outliers nor changes of level can raise: from the median absolute difference."""
    return max(LEAST_SPREAD, float(stats.median_abs_deviation(np.diff(logs), scale="normal")) / math.sqrt(2))


def winsorised(logs: Logs, spread: float) -> Logs:
    """Points far from the median of their neighbours are brought near."""
    local = pd.Series(logs).rolling(WINDOW, center=True, min_periods=1).median().to_numpy()
    return np.clip(logs, local - REACH * spread, local + REACH * spread)


def _levels(calm: Logs, spread: float, min_change: float) -> list[int]:
    """Bounds of the levels, both ends among them. The least convincing bound is dropped until all are convincing."""
    import ruptures

    penalty = PENALTY * spread**2 * np.log(len(calm))
    found = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit(calm.reshape(-1, 1)).predict(pen=penalty)
    bounds = [0, *map(int, found)]
    while len(bounds) > 2:
        weak = [bound for i, bound in enumerate(bounds[1:-1], 1) if not _real(calm, bounds[i - 1 : i + 2], min_change)]
        if not weak:
            break
        sizes = {bound: _size(calm, bounds[bounds.index(bound) - 1 : bounds.index(bound) + 2]) for bound in weak}
        bounds.remove(min(weak, key=lambda bound: sizes[bound]))
    return bounds


def _size(calm: Logs, bounds: Sequence[int]) -> float:
    start, at, end = bounds
    return abs(float(np.median(calm[at:end]) - np.median(calm[start:at])))


def _real(calm: Logs, bounds: Sequence[int], min_change: float) -> bool:
    """Large enough to matter, and no accident by ranks."""
    start, at, end = bounds
    if _size(calm, bounds) < np.log1p(min_change):
        return False
    return float(stats.mannwhitneyu(calm[start:at], calm[at:end], method="auto").pvalue) <= max(LEVEL, _least_p(at - start, end - at))


def _least_p(before: int, after: int) -> float:
    """The smallest two-sided p-value that so few points can have."""
    return 2 / math.comb(before + after, after)
