"""Jumps in the cost per FLOP along a fine sweep (piecewise linear fits by ruptures), block sizes and bargains."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rnnbench.analysis.changepoints import PENALTY, SHORTEST, shifts
from rnnbench.case import AXES

SIZES = ("hidden_size", "batch_size", "seq_len")
FEWEST = 2 * SHORTEST  # points of a series
LEAST_STEP = 0.05
LEAST_BARGAIN = 0.02
LEAST_SPREAD = 0.005
NOISY = 0.1  # half the interval of a median ÷ the median: such a case is no evidence of a step
SURE = 4.0  # standard deviations of the noise: a smaller jump between two lines is none
BLOCKS = (2, 4, 8, 16, 32, 64)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """Cases that differ in one size only, smallest first; `held` are the varied axes beside it."""

    axis: str
    held: Mapping[str, Any]
    rows: pd.DataFrame

    @property
    def costs(self) -> Floats:
        """Seconds of a FLOP."""
        return np.asarray(self.rows["step_time_s"] / self.rows["step_flops"], float)

    @property
    def alone(self) -> bool:
        """Whether each case ran in one process, whose rounds are correlated."""
        return bool((self.rows["measured_processes"] < 2).all())

    @property
    def values(self) -> Floats:
        """The size."""
        return np.asarray(self.rows[self.axis], float)


@dataclass(frozen=True, slots=True)
class Cliff:
    """Between two neighbouring sizes a FLOP's cost changes by `ratio`; the kernels of either side."""

    before: int
    after: int
    ratio: float
    kernels: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Aligned:
    """Multiples of `block` cost `ratio` of what other sizes cost, in so many of each; the kernels of others and of multiples."""

    block: int
    ratio: float
    multiples: int
    others: int
    kernels: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Bargain:
    """A larger size that takes less time, the intervals of the two apart."""

    less: int
    more: int
    less_s: float
    more_s: float


def series(cases: pd.DataFrame) -> Iterator[Series]:
    """Every fine sweep of a size among a suite's measured cases, without those that are hardly known."""
    fine = cases[(cases["status"] == "ok") & (cases["step_flops"] > 0)]
    fine = fine[(fine["step_time_high"] - fine["step_time_low"]) / 2 / fine["step_time_s"] <= NOISY]
    for axis in SIZES:
        others = [name for name in ("run", *AXES) if name != axis]
        varied = [name for name in others if cases[name].nunique(dropna=False) > 1]
        for _, rows in fine.groupby(others, dropna=False, sort=False):
            if rows[axis].nunique() >= FEWEST:
                yield Series(axis, {name: rows[name].iloc[0] for name in varied}, rows.sort_values(axis))


def cliffs(one: Series) -> list[Cliff]:
    """Where the line that a FLOP's cost follows breaks and jumps. A line, because overheads shrink as sizes grow."""
    import ruptures

    x, y = np.log(one.values), np.log(one.costs)
    spread = _noise(x, y)
    design = np.column_stack([y, x, np.ones_like(x)])
    penalty = 2 * PENALTY * spread**2 * np.log(len(y))
    bounds = [0, *ruptures.Pelt(model="linear", min_size=SHORTEST, jump=1).fit(design).predict(pen=penalty)]
    found = []
    for start, at, end in zip(bounds, bounds[1:], bounds[2:], strict=False):
        middle = (x[at - 1] + x[at]) / 2
        jump = _line_at(x[at:end], y[at:end], middle) - _line_at(x[start:at], y[start:at], middle)
        if abs(jump) >= max(np.log1p(LEAST_STEP), SURE * spread):
            sides = int(one.values[at - 1]), int(one.values[at])
            found.append(Cliff(*sides, float(np.exp(jump)), _kernels(one, at - 1, at)))
    return found


def aligned(one: Series) -> Aligned | None:
    """Whether sizes that are multiples of a block cost less: a change of level in the order of what divides them."""
    x, y = np.log(one.values), np.log(one.costs)
    rest = y - _trend(x, y)
    blocks = np.array([max([1, *(block for block in BLOCKS if value % block == 0)]) for value in one.values.astype(int)])
    order = np.lexsort((one.values, blocks))
    candidates = [at for at in range(1, len(order)) if blocks[order[at]] != blocks[order[at - 1]]]
    steps = [min(candidates, key=lambda at: abs(at - found.at)) for found in shifts(list(np.exp(rest[order])), LEAST_STEP) if candidates]
    best: Aligned | None = None
    for at in steps:
        low, high = order[:at], order[at:]
        ratio = float(np.exp(np.median(rest[high]) - np.median(rest[low])))
        sure = stats.mannwhitneyu(rest[high], rest[low], alternative="less").pvalue < 0.01
        if sure and ratio <= 1 - LEAST_STEP and (best is None or ratio < best.ratio):
            kernels = _kernels(one, int(low[-1]), int(high[0]))
            best = Aligned(int(blocks[order[at]]), ratio, len(high), len(low), kernels)
    return best


def bargain(one: Series) -> Bargain | None:
    """The most that is saved by taking a larger size; none where no two intervals say so."""
    rows = one.rows.reset_index(drop=True)
    best: Bargain | None = None
    for i, small in rows.iterrows():
        for _, large in rows.iloc[int(str(i)) + 1 :].iterrows():
            apart = large["step_time_high"] < small["step_time_low"]
            if apart and small["step_time_s"] / large["step_time_s"] > max(1 + LEAST_BARGAIN, best.less_s / best.more_s if best else 1.0):
                sizes = int(small[one.axis]), int(large[one.axis])
                best = Bargain(*sizes, float(small["step_time_s"]), float(large["step_time_s"]))
    return best


def _kernels(one: Series, before: int, after: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    kernels: Sequence[tuple[str, ...]] = list(one.rows["kernels"])
    return kernels[before], kernels[after]


def _noise(x: Floats, y: Floats) -> float:
    """How far points lie off the line through their neighbours, which steps between them cannot raise: from the median."""
    weight = (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
    off = y[1:-1] - (y[:-2] + weight * (y[2:] - y[:-2]))
    return max(LEAST_SPREAD, float(stats.median_abs_deviation(off, scale="normal")) / math.sqrt(1.5))


def _line_at(x: Floats, y: Floats, at: float) -> float:
    _, offset = np.polyfit(x - at, y, 1)
    return float(offset)


def _trend(x: Floats, y: Floats) -> Floats:
    found = stats.theilslopes(y, x)
    return np.asarray(found.intercept + found.slope * x, float)
