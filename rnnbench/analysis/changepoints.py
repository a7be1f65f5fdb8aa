"""Change points of a series of figures: ruptures on logarithms, outliers winsorised, each change confirmed by a block wild bootstrap."""

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
REACH = 3.0  # standard deviations from the local median, beyond which a point is an outlier
PENALTY = 6.0  # × variance × log(points), the price of one more level
LEAST_SPREAD = 0.002
LEVEL = 0.002  # of each change's test
BLOCK, BLOCKS = 12, 3  # points that keep their order in the bootstrap: a third of what is tested, twelve at most
REPLICAS = 999
SEED = 20261103

Logs = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shift:
    """From point `at` on (counted from 0) the level is `after` instead of `before`; `p` is of the test that nothing changed."""

    at: int
    before: float
    after: float
    p: float

    @property
    def ratio(self) -> float:
        """After ÷ before; infinite where that was 0."""
        return self.after / self.before if self.before else math.inf

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
    found = []
    for start, at, end, p in _levels(calm, spread, min_change):
        before, after = (float(np.exp(np.median(part))) for part in (logs[start:at], logs[at:end]))
        found.append(Shift(at, before, after, p))
    return found


def pending(values: Sequence[float], found: Sequence[Shift], min_change: float = MIN_CHANGE) -> Shift | None:
    """A change in the newest one to three points, too few for a level: each lies beyond `REACH` standard deviations of the last level's
    median, on one side, and their median is `min_change` away. It has not been tested, so its `p` is 1. None without such a change, or
    with fewer than eight points before it, four of them on the last level."""
    if len(values) <= 2 * SHORTEST:
        return None
    logs, start = np.log(np.asarray(values, float)), found[-1].at if found else 0
    reach = REACH * noise(logs)
    for at in range(len(logs) - SHORTEST + 1, len(logs)):
        if at - start < SHORTEST or at < 2 * SHORTEST:
            continue
        before = float(np.median(logs[start:at]))
        away = logs[at:] - before
        beyond = bool(np.all(away > reach) or np.all(away < -reach))
        if beyond and abs(float(np.median(away))) >= np.log1p(min_change):
            return Shift(at, float(np.exp(before)), float(np.exp(before + np.median(away))), 1.0)
    return None


def noise(logs: Logs) -> float:
    """The spread of neighbours, which neither a few outliers nor changes of level can raise. The upper quartile of their differences
    counts beside the median: of bimodal figures, half of the neighbours do not differ at all."""
    steps = np.diff(logs)
    median = float(stats.median_abs_deviation(steps, scale="normal"))
    quartile = float(np.quantile(np.abs(steps), 0.75)) / float(stats.norm.ppf(0.875))
    return max(LEAST_SPREAD, median / math.sqrt(2), quartile / math.sqrt(2))


def winsorised(logs: Logs, spread: float) -> Logs:
    """Points far from the median of their neighbours are brought near."""
    local = pd.Series(logs).rolling(WINDOW, center=True, min_periods=1).median().to_numpy()
    return np.clip(logs, local - REACH * spread, local + REACH * spread)


def _levels(calm: Logs, spread: float, min_change: float) -> list[tuple[int, int, int, float]]:
    """Each change with the bounds of the levels beside it and its p-value. The smallest unconvincing one is dropped until all convince."""
    import ruptures

    penalty = PENALTY * spread**2 * np.log(len(calm))
    found = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit(calm.reshape(-1, 1)).predict(pen=penalty)
    bounds = [0, *map(int, found)]
    known: dict[tuple[int, int, int], float] = {}
    while True:
        spans = list(zip(bounds, bounds[1:], bounds[2:], strict=False))
        for span in spans:
            if span not in known:
                known[span] = p_value(calm[span[0] : span[2]], span[1] - span[0]) if _size(calm, span) >= np.log1p(min_change) else 1.0
        weak = [span for span in spans if known[span] > LEVEL]
        if not weak:
            return [(*span, known[span]) for span in spans]
        bounds.remove(min(weak, key=lambda span: _size(calm, span))[1])


def _size(calm: Logs, span: tuple[int, int, int]) -> float:
    start, at, end = span
    return abs(float(np.median(calm[at:end]) - np.median(calm[start:at])))


def p_value(logs: Logs, at: int) -> float:
    """The chance of a cumulative sum as large as this stretch's anywhere in it, if its level did not change at `at`.

    The residuals of both levels are multiplied by normal numbers that neighbours share (Wu 1986 for the wild bootstrap; Shao 2010 for
    blocks): so neither bimodal figures, nor a spread that changes, nor moderate correlation of neighbours passes for a change."""
    count, luck = len(logs), np.random.default_rng(SEED)
    residuals = np.concatenate([part - part.mean() for part in (logs[:at], logs[at:])])
    block = max(1, min(BLOCK, count // BLOCKS))
    places = (np.arange(count) + luck.integers(0, block, (REPLICAS, 1))) // block
    factors = np.take_along_axis(luck.standard_normal((REPLICAS, count // block + 2)), places, axis=1)
    return float((1 + np.sum(_largest_sum(residuals * factors) >= _largest_sum(logs[None]))) / (REPLICAS + 1))


def _largest_sum(rows: Logs) -> Logs:
    """The largest standardised cumulative sum of each row, over the places at which its level may change."""
    count = rows.shape[1]
    at = np.arange(SHORTEST, count - SHORTEST + 1)
    sums = np.cumsum(rows, axis=1)
    return np.asarray(np.max(np.abs(sums[:, at - 1] - sums[:, -1:] * at / count) / np.sqrt(at * (count - at) / count), axis=1))
