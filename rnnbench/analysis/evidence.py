"""The statistics of a comparison: one-sided tests against a minimum effect, their intervals, and what they could have seen.

The process is the unit: each value is the logarithm of one process's figure. Tests are scipy's, corrections statsmodels'.
Ranks are used where so few values can reach the corrected level at all; below that, Student's and Welch's t. Which of them it is
depends on counts alone, never on the data. docs/gate.md has the simulation behind this choice.
"""

import math
import warnings
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEAST_PROCESSES = 5  # a side, for any verdict: with fewer the t test's level cannot be trusted on two-humped times
POWER = 0.9
Values = NDArray[np.float64]
Alternative = Literal["two-sided", "less", "greater"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of log(candidate ÷ base): its estimate and interval, and one-sided p-values against ±effect."""

    ratio: float
    low: float
    high: float
    p_above: float
    p_below: float
    p_within: float
    detectable: float
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
    def enough(self) -> bool:
        """Whether there are processes enough for a verdict."""
        return min(len(self.base), len(self.candidate)) >= LEAST_PROCESSES

    @property
    def least_p(self) -> float:
        """The smallest p-value that ranks of so many can have."""
        if self.paired:
            return float(0.5 ** len(self.base))
        return 1 / math.comb(len(self.base) + len(self.candidate), len(self.base))


def weigh(sample: Sample, effect: float, alpha: float, family: int = 1) -> Evidence:
    """Test a sample against ±`effect` (0.02 is 2 %). `family` is the number of such tests that will be corrected for together."""
    edge = math.log1p(effect)
    ranks = sample.least_p * family <= alpha
    test: _Test = (_SignedRank if sample.paired else _MannWhitney)(sample) if ranks else _T(sample)
    low, high = test.interval(alpha)
    above, below = test.p_above(edge), test.p_below(-edge)
    within = max(test.p_above(-edge), test.p_below(edge))
    ends = {"ratio": math.exp(test.middle), "low": math.exp(low), "high": math.exp(high)}
    return Evidence(**ends, p_above=above, p_below=below, p_within=within, detectable=detectable(sample, effect, alpha), test=test.name)


def detectable(sample: Sample, effect: float, alpha: float) -> float:
    """The smallest change that a t test of so many processes, spread like these, would call beyond ±effect nine times of ten."""
    from statsmodels.stats.power import TTestIndPower, TTestPower

    if sample.paired:
        count, spread = len(sample.base), float(np.std(sample.candidate - sample.base, ddof=1))
        size = TTestPower().solve_power(nobs=count, alpha=alpha, power=POWER, alternative="larger")
    else:
        counts = len(sample.base), len(sample.candidate)
        spread = math.sqrt((np.var(sample.base, ddof=1) + np.var(sample.candidate, ddof=1)) / 2)
        ratio = counts[1] / counts[0]
        size = TTestIndPower().solve_power(nobs1=counts[0], ratio=ratio, alpha=alpha, power=POWER, alternative="larger")
    return math.expm1(math.log1p(effect) + float(np.squeeze(size)) * spread)


class _Test:
    """Of the shift from base to candidate, in logarithms."""

    name: str
    middle: float

    def p_above(self, shift: float) -> float:
        """That the true shift is above `shift`: the p-value against 'at most'."""
        raise NotImplementedError(shift)

    def p_below(self, shift: float) -> float:
        """That it is below."""
        raise NotImplementedError(shift)

    def interval(self, alpha: float) -> tuple[float, float]:
        """The shifts that neither test rejects at `alpha`."""
        raise NotImplementedError(alpha)


class _T(_Test):
    """Student's t of the differences, or Welch's t of two sides."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self.name = "paired t" if sample.paired else "Welch's t"
        self.middle = float(np.mean(sample.candidate) - np.mean(sample.base))

    def p_above(self, shift: float) -> float:
        return self._p(shift, "greater")

    def p_below(self, shift: float) -> float:
        return self._p(shift, "less")

    def interval(self, alpha: float) -> tuple[float, float]:
        found = self._test(0.0, "two-sided")
        ends = found.confidence_interval(1 - 2 * alpha)
        low, high = float(ends.low), float(ends.high)
        return (low, high) if math.isfinite(low) else (self.middle, self.middle)

    def _p(self, shift: float, alternative: Alternative) -> float:
        value = float(self._test(shift, alternative).pvalue)
        return value if math.isfinite(value) else 0.5

    def _test(self, shift: float, alternative: Alternative) -> Any:
        base, candidate = self._sample.base, self._sample.candidate - shift
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # figures that are all alike have no spread
            if self._sample.paired:
                return stats.ttest_1samp(candidate - base, 0.0, alternative=alternative)
            return stats.ttest_ind(candidate, base, equal_var=False, alternative=alternative)


class _Ranks(_Test):
    """A rank test; its interval ends where its p-value crosses alpha, at one of the `steps` at which ranks change places."""

    steps: Values

    def interval(self, alpha: float) -> tuple[float, float]:
        eps = 1e-12
        first = bisect_left(range(len(self.steps)), True, key=lambda i: self.p_above(float(self.steps[i]) + eps) > alpha)
        last = bisect_left(range(len(self.steps)), True, key=lambda i: self.p_below(float(self.steps[-1 - i]) - eps) > alpha)
        top = len(self.steps) - 1
        return float(self.steps[min(first, top)]), float(self.steps[max(top - last, 0)])


class _MannWhitney(_Ranks):
    """Mann–Whitney's U, with the Hodges–Lehmann shift."""

    name = "Mann–Whitney U"

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self.steps = np.sort(np.subtract.outer(sample.candidate, sample.base).ravel())
        self.middle = float(np.median(self.steps))

    def p_above(self, shift: float) -> float:
        return self._p(shift, "greater")

    def p_below(self, shift: float) -> float:
        return self._p(shift, "less")

    def _p(self, shift: float, alternative: Alternative) -> float:
        base, candidate = self._sample.base, self._sample.candidate - shift
        tied = len(np.unique(np.concatenate([base, candidate]))) < len(base) + len(candidate)
        method: Literal["asymptotic", "exact"] = "asymptotic" if tied else "exact"
        return float(stats.mannwhitneyu(candidate, base, alternative=alternative, method=method).pvalue)


class _SignedRank(_Ranks):
    """Wilcoxon's signed ranks of the pairs' differences, with the Hodges–Lehmann shift."""

    name = "Wilcoxon signed-rank"

    def __init__(self, sample: Sample) -> None:
        self._differences = sample.candidate - sample.base
        rows, columns = np.triu_indices(len(self._differences))
        self.steps = np.sort((self._differences[rows] + self._differences[columns]) / 2)
        self.middle = float(np.median(self.steps))

    def p_above(self, shift: float) -> float:
        return self._p(shift, "greater")

    def p_below(self, shift: float) -> float:
        return self._p(shift, "less")

    def _p(self, shift: float, alternative: Alternative) -> float:
        shifted = self._differences - shift
        tied = len(np.unique(np.abs(shifted))) < len(shifted) or bool(np.any(shifted == 0))
        method: Literal["approx", "exact"] = "approx" if tied else "exact"
        with warnings.catch_warnings(action="ignore"):  # small samples with ties
            return float(stats.wilcoxon(shifted, alternative=alternative, method=method).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected so that the chance of one false alarm among all is at most the level."""
    return _corrected(p_values, "holm")


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Corrected so that of those listed at most a share of the level is expected to be false."""
    return _corrected(p_values, "fdr_bh")


def _corrected(p_values: Sequence[float], method: str) -> list[float]:
    from statsmodels.stats.multitest import multipletests

    return [float(value) for value in multipletests(p_values, method=method)[1]] if len(p_values) else []
