"""The statistics of one case: rank tests against a minimum effect, with their intervals. docs/gate.md has the simulations.

The process is the unit: each value is the logarithm of one process's figure. Both tests are exact whatever the shape of the noise: of
two runs Mann–Whitney's U, of pairs Wilcoxon's signed ranks. Ties count against the claim.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rnnbench.analysis.ranks import critical, survival

LEAST_PROCESSES = 5  # a side, for any verdict
POWER = 0.9
_TIE = 1e-12  # logarithms that are no further apart are equal
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of log(candidate ÷ base): estimate, interval and the share of repetitions in which such an interval holds the truth, and one-sided
    p-values: that the change is above the minimum effect, below its negative, or within both."""

    ratio: float
    low: float
    high: float
    coverage: float
    p_above: float
    p_below: float
    p_within: float
    test: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Logarithms of both sides' figures; where `paired`, the i-th of one was measured beside the i-th of the other."""

    base: Values
    candidate: Values
    paired: bool

    @classmethod
    def of(cls, base: Sequence[float], candidate: Sequence[float], *, paired: bool) -> "Sample":
        """From figures above 0."""
        return cls(np.log(np.asarray(base, float)), np.log(np.asarray(candidate, float)), paired)

    @property
    def counts(self) -> tuple[int, int]:
        """Processes of either side."""
        return len(self.base), len(self.candidate)

    @property
    def enough(self) -> bool:
        """Whether there are processes enough for a verdict."""
        return min(self.counts) >= LEAST_PROCESSES

    @property
    def least_p(self) -> float:
        """The smallest p-value that ranks of these counts can have."""
        return float(survival(self.paired, *self.counts)[-1])

    @property
    def spread(self) -> float:
        """Standard deviation of the differences within pairs, or of a side's processes."""
        if self.paired:
            return float(np.std(self.candidate - self.base, ddof=1))
        free = [len(side) - 1 for side in (self.base, self.candidate)]
        squares = free[0] * np.var(self.base, ddof=1) + free[1] * np.var(self.candidate, ddof=1)
        return math.sqrt(float(squares) / sum(free))


class RankTest:
    """The rank test of one sample. `steps` are the shifts at which ranks change places: all differences between the sides, or the
    averages of all two pairs' differences. The statistic at a shift is the number of steps above it."""

    def __init__(self, sample: Sample) -> None:
        self.steps, self._tail = np.sort(steps_of(sample)), survival(sample.paired, *sample.counts)
        self.name = "Wilcoxon signed-rank" if sample.paired else "Mann–Whitney U"
        self.middle = float(np.median(self.steps))
        """Hodges and Lehmann's estimate of the shift."""

    def p_above(self, shift: float) -> float:
        """The p-value of the claim that the true shift is above `shift`."""
        return float(self._tail[len(self.steps) - int(np.searchsorted(self.steps, shift + _TIE, side="right"))])

    def p_below(self, shift: float) -> float:
        """The same of a true shift below it."""
        return float(self._tail[int(np.searchsorted(self.steps, shift - _TIE, side="left"))])

    def interval(self, level: float) -> tuple[float, float, float]:
        """The shifts that neither one-sided test rejects at `level`, and the coverage: 1 − 2·level or more, less only where so few
        processes cannot reach it."""
        at = critical(self._tail, level)
        rank = len(self.steps) if at is None else max(at, 1)
        return float(self.steps[-rank]), float(self.steps[rank - 1]), 1 - 2 * float(self._tail[rank])


def steps_of(sample: Sample) -> Values:
    """All shifts at which the rank statistic changes, unordered."""
    if not sample.paired:
        return np.subtract.outer(sample.candidate, sample.base).ravel()
    differences = sample.candidate - sample.base
    rows, columns = np.triu_indices(len(differences))
    return np.asarray((differences[rows] + differences[columns]) / 2, dtype=np.float64)


NO_DRIFT = (0.0, 0.0)


def weigh(sample: Sample, effect: float, level: float, drift: tuple[float, float] = NO_DRIFT) -> Evidence:
    """Test a sample against ±`effect` (0.02 is 2 %), with an interval whose either end is missed with probability `level` at most.

    `drift` are the ends between which the machine's own log-shift is known to lie; each claim must hold wherever it lies."""
    edge, test, (least, most) = math.log1p(effect), RankTest(sample), drift
    low, high, coverage = test.interval(level)
    return Evidence(
        ratio=math.exp(test.middle - (least + most) / 2),
        low=math.exp(low - most),
        high=math.exp(high - least),
        coverage=coverage,
        p_above=test.p_above(edge + most),
        p_below=test.p_below(-edge + least),
        p_within=max(test.p_above(-edge + most), test.p_below(edge + least)),
        test=test.name,
    )


def t_test(sample: Sample, effect: float) -> tuple[float, float]:
    """One-sided p-values of Student's t (pairs) or Welch's t, above `effect` and below its negative. Its level rests on the shape of the
    noise, so it may raise a flag that other data must confirm, and decides nothing."""
    edge = math.log1p(effect)
    if sample.paired:
        differences = sample.candidate - sample.base
        mean, error, free = float(np.mean(differences)), float(stats.sem(differences)), len(differences) - 1.0
    else:
        parts = [float(np.var(side, ddof=1)) / len(side) for side in (sample.base, sample.candidate)]
        mean, error = float(np.mean(sample.candidate) - np.mean(sample.base)), math.sqrt(sum(parts))
        weights = sum(part**2 / (len(side) - 1) for part, side in zip(parts, (sample.base, sample.candidate), strict=True))
        free = sum(parts) ** 2 / weights if weights > 0 else 1.0
    if error < _TIE:  # figures that are all alike
        return 0.0 if mean > edge else 1.0, 0.0 if mean < -edge else 1.0
    return float(stats.t.sf((mean - edge) / error, free)), float(stats.t.cdf((mean + edge) / error, free))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected so that the chance of one false alarm among all is at most the level. (statsmodels' own runs the garbage collector at
    each call: a tenth of a second beside torch.)"""
    values, count = np.asarray(p_values, float), len(p_values)
    order = np.argsort(values)
    out = np.empty(count)
    out[order] = np.minimum(1.0, np.maximum.accumulate((count - np.arange(count)) * values[order]))
    return out.tolist()


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Corrected so that of those listed at most a share of the level is expected to be false."""
    return [float(value) for value in stats.false_discovery_control(p_values, method="bh")] if len(p_values) else []
