"""Two groups of trainings compared by their seeds: steps to a target by a log-rank test, errors by a rank-sum test, both exact.

A seed is the unit of evidence. A training that missed its target is censored at the horizon, which is the same on both sides, so the
seeds' labels can be exchanged and every labelling is as likely as the true one where nothing differs. (scipy.stats.logrank relies on a
normal approximation, which five seeds a side do not have: of equal trainings it rejects 1.2 % at a level of 1 %. It has no answer where
every training is censored.) docs/evidence/seeds.py has the simulations.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rnnbench.analysis.relabelling import corrected, labellings, softened_t

FEWEST_SEEDS = 5  # a side, for any verdict
LEVEL = 0.01  # the chance of calling any of a family of equal trainings worse
EFFECT = 0.10  # the smallest change of steps or of error that counts
SOFTENING = 0.25  # of the minimum effect's logarithm, added to each standard error of the joint test
_TIE = 1e-9
Values = NDArray[np.float64]
Outcome = Literal["worse", "better", "alike", "unclear"]


@dataclass(frozen=True, slots=True)
class SeedSample:
    """Figures of either side, one a seed, less being better. Infinite: not reached within the horizon, or diverged. `horizon` is the
    step up to which every training of either side was watched; infinite for errors."""

    base: Sequence[float]
    candidate: Sequence[float]
    horizon: float = math.inf
    test: Literal["log-rank", "rank sum"] = "log-rank"

    @property
    def counts(self) -> tuple[int, int]:
        """Seeds of either side."""
        return len(self.base), len(self.candidate)

    @property
    def enough(self) -> bool:
        """Whether there are seeds enough for a verdict."""
        return min(self.counts) >= FEWEST_SEEDS

    @property
    def within(self) -> tuple[list[float], list[float]]:
        """Both sides with everything beyond the horizon infinite."""
        base, candidate = ([one if one <= self.horizon else math.inf for one in side] for side in (self.base, self.candidate))
        return base, candidate

    @property
    def reached(self) -> tuple[int, int]:
        """How many of either side are finite."""
        base, candidate = (sum(map(math.isfinite, side)) for side in self.within)
        return base, candidate


@dataclass(frozen=True, slots=True)
class SeedVerdict:
    """What the seeds say. `ratio` is the candidate's median ÷ the base's, None where one is infinite; `low` and `high` are the ends of the
    interval of the true ratio, None where an end is open. `certain` is a `worse` that survives the correction for the family's error."""

    outcome: Outcome
    certain: bool
    medians: tuple[float, float]
    ratio: float | None
    low: float | None
    high: float | None
    p_worse: float
    p_family: float
    p_listed: float


def decide(samples: Sequence[SeedSample], effects: Sequence[float], level: float = LEVEL, *, intervals: bool = True) -> list[SeedVerdict]:
    """The verdict of each, corrected for their number: `worse` with the family's error rate (certain) or the false discovery rate at
    `level`, `better` and `alike` at the same. Every sample has seeds enough."""
    if not samples:
        return []
    edges = [1 + one for one in effects]
    worse = [max(_p(one, 1.0, 1), _p(one, edge, 1)) for one, edge in zip(samples, edges, strict=True)]
    better = [max(_p(one, 1.0, -1), _p(one, 1 / edge, -1)) for one, edge in zip(samples, edges, strict=True)]
    within = [max(_p(one, 1 / edge, 1), _p(one, edge, -1)) for one, edge in zip(samples, edges, strict=True)]
    family = {sign: _family(samples, edges, sign, level) for sign in (1, -1)}
    lists = [stats.false_discovery_control(p, method="bh") for p in (worse, better, within)]
    found = []
    for place, sample in enumerate(samples):
        certain = family[1][place] <= level
        gained = family[-1][place] <= level or lists[1][place] <= level
        outcome: Outcome = "unclear"
        if certain or lists[0][place] <= level:
            outcome = "worse"
        elif gained:
            outcome = "better"
        elif lists[2][place] <= level:
            outcome = "alike"
        base, candidate = (float(np.median(side)) for side in sample.within)
        ratio = candidate / base if base > 0 and math.isfinite(candidate) and math.isfinite(base) else None
        low, high = interval(sample, level) if intervals else (None, None)
        p = worse[place], family[1][place], float(lists[0][place])
        found.append(SeedVerdict(outcome, certain, (base, candidate), ratio, low, high, *p))
    return found


def interval(sample: SeedSample, level: float) -> tuple[float | None, float | None]:
    """The ratios that neither one-sided test rejects at `level`; None for an end that these seeds leave open."""
    base, candidate = ([one for one in side if 0 < one < math.inf] for side in sample.within)
    steps = sorted({float(after / before) for after in candidate for before in base})
    if not steps:
        return None, None
    low = _first(steps, lambda ratio: _p(sample, ratio * (1 + _TIE), 1) > level)
    high = _first(steps[::-1], lambda ratio: _p(sample, ratio * (1 - _TIE), -1) > level)
    open_low = _p(sample, steps[0] * (1 - _TIE), 1) > level
    open_high = _p(sample, steps[-1] * (1 + _TIE), -1) > level
    return None if open_low else low, None if open_high else high


def _first(steps: Sequence[float], kept: Callable[[float], bool]) -> float | None:
    """The first that is kept, of steps of which all after it are kept too."""
    low, high = 0, len(steps)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if kept(steps[middle]) else (middle + 1, high)
    return steps[low] if low < len(steps) else None


def _p(sample: SeedSample, ratio: float, sign: int) -> float:
    """The p-value of the claim that the candidate's figures are larger than `ratio` times the base's (`sign` 1), or smaller (-1)."""
    found = _statistics(sample, ratio, sign, sampled=False)
    return float((found >= found[0] - _TIE).mean())


def _family(samples: Sequence[SeedSample], edges: Sequence[float], sign: int, level: float) -> list[float]:
    """P-values corrected for all samples by exchanging the labels in all of them at once; against no change and against the edge. Where
    ranks of so few seeds cannot reach a level that is corrected for so many samples, the statistic is a t of logarithms."""
    sampled = len({one.counts for one in samples}) > 1
    few = any(len(samples) / math.comb(sum(one.counts), one.counts[1]) > level for one in samples)
    found = []
    for share in (0.0, 1.0):
        rows = [
            _softened(one, edge ** (sign * share), sign, math.log(edge), sampled=sampled)
            if few
            else _statistics(one, edge ** (sign * share), sign, sampled=sampled)
            for one, edge in zip(samples, edges, strict=True)
        ]
        found.append(corrected(np.stack(rows))[0])
    return [max(pair) for pair in zip(*found, strict=True)]


def _softened(sample: SeedSample, ratio: float, sign: int, effect: float, *, sampled: bool) -> Values:
    """The t of the logarithms under every labelling; what is infinite counts as twice the largest that is not, or as the horizon."""
    pooled, horizon = _pooled(sample, ratio)
    known = pooled[np.isfinite(pooled) & (pooled > 0)]
    if not len(known):
        return np.zeros(len(labellings(*sample.counts, sampled)))
    longest = horizon if math.isfinite(horizon) else 2 * known.max()
    values = np.log(np.clip(pooled, known.min() / 2, longest))
    return softened_t(sign * values, *sample.counts, SOFTENING * effect, sampled=sampled)


def _statistics(sample: SeedSample, ratio: float, sign: int, *, sampled: bool) -> Values:
    """The standardised sum of the candidate's scores under every labelling, the true one first; zeros where all scores are alike."""
    scores = sign * scores_of(sample, ratio)
    base, candidate = sample.counts
    whole = base + candidate
    spread = math.sqrt(base * candidate / (whole * (whole - 1)) * float(np.sum((scores - scores.mean()) ** 2)))
    rows = labellings(base, candidate, sampled)
    if spread < _TIE:
        return np.zeros(len(rows))
    return np.asarray((rows @ scores - candidate * scores.mean()) / spread)


def scores_of(sample: SeedSample, ratio: float = 1.0) -> Values:
    """A score for each seed, the base's first, larger for a larger figure: log-rank scores (the cumulative hazard, less one where the
    target was reached) or mid-ranks. The candidate's figures are divided by `ratio`, and the horizon follows."""
    pooled, _ = _pooled(sample, ratio)
    if sample.test == "rank sum":
        return np.asarray(stats.rankdata(pooled), dtype=np.float64)
    times, counts = np.unique(pooled[np.isfinite(pooled)], return_counts=True)
    at_risk = np.array([np.sum(pooled >= time) for time in times])
    hazard = np.concatenate([[0.0], np.cumsum(counts / at_risk)])
    return np.asarray(hazard[np.searchsorted(times, pooled, side="right")] - np.isfinite(pooled), dtype=np.float64)


def _pooled(sample: SeedSample, ratio: float) -> tuple[Values, float]:
    """Both sides' figures, the base's first, the candidate's ÷ `ratio`, infinite beyond the horizon that is left; and that horizon."""
    horizon = min(sample.horizon, sample.horizon / ratio)
    pooled = np.concatenate([np.asarray(sample.base, float), np.asarray(sample.candidate, float) / ratio])
    return np.where(pooled <= horizon * (1 + _TIE), pooled, np.inf), horizon
