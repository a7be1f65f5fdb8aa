"""The smallest change that a comparison would detect nine times in ten, at its corrected level.

By simulation of normal noise with a fixed seed: each simulated sample says how far it would have to be shifted for the test to fail it,
and nine tenths of them lie below the answer. The spread is itself known from a few processes only, which is simulated too."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.ranks import critical, survival
from rnnbench.gate.statistics.evidence import POWER, Sample
from rnnbench.gate.statistics.permutation import SOFTENING

SEED = 20261102
_DRAWS, _CELLS = 4000, 2_000_000
Values = NDArray[np.float64]


def detectable(sample: Sample, effect: float, level: float) -> float:
    """The smallest change (0.05 is 5 %) that ranks of samples like this one show to be beyond ±`effect` in nine of ten repetitions.
    Infinite where ranks of so few processes cannot reach `level`."""
    return math.expm1(math.log1p(effect) + sizes_needed(sample.paired, *sample.counts, level) * sample.spread)


def detectable_jointly(sample: Sample, effect: float, needed: float) -> float:
    """The same where the softened t statistic has to exceed `needed`, as the joint permutation test of many cases asks."""
    if math.isinf(needed):
        return math.inf
    edge, (middle, error) = math.log1p(effect), _normal_moments(sample.paired, *sample.counts)
    spread = sample.spread / _spreads(len(middle), sample.paired, *sample.counts)
    shifts = needed * (spread * error + SOFTENING * edge) - spread * middle
    return math.expm1(edge + float(np.quantile(shifts, POWER)))


@lru_cache(maxsize=512)
def sizes_needed(paired: bool, base: int, candidate: int, level: float, free: int = 0) -> float:
    """How many estimated standard deviations beyond the minimum effect a change must lie for ranks to show it nine times of ten.

    The estimate has `free` degrees of freedom; 0 where it is from these very processes."""
    if paired:
        shifts = paired_shifts(_draws(base, base * (base + 1) // 2), level)
        if math.isinf(shifts[0]):
            return math.inf
    else:
        at = critical(survival(False, base, candidate), level)
        if at is None:
            return math.inf
        draws = _draws(base + candidate, base * candidate)
        shifts = _shifts((draws[:, base:, None] - draws[:, None, :base]).reshape(len(draws), -1), at)
    known = spreads(len(shifts), free) if free else _spreads(len(shifts), paired, base, candidate)
    return float(np.quantile(shifts / known, POWER))


def paired_shifts(draws: Values, level: float) -> Values:
    """Differences within pairs (samples × pairs) → how far each sample must be shifted for signed ranks to reach the level."""
    at = critical(survival(True, draws.shape[1], draws.shape[1]), level)
    if at is None:
        return np.full(len(draws), math.inf)
    rows, columns = np.triu_indices(draws.shape[1])
    return _shifts((draws[:, rows] + draws[:, columns]) / 2, at)


def _shifts(steps: Values, at: int) -> Values:
    """The statistic reaches `at` once the at-largest step is above 0."""
    rank = steps.shape[1] - max(at, 1)
    return np.asarray(-np.partition(steps, rank, axis=1)[:, rank])


@lru_cache(maxsize=64)
def _normal_moments(paired: bool, base: int, candidate: int) -> tuple[Values, Values]:
    """Of simulated samples with spread 1: the difference between the sides, and its standard error."""
    if paired:
        draws = _draws(base, _CELLS // 1000)
        return draws.mean(axis=1), draws.std(axis=1, ddof=1) / math.sqrt(base)
    draws = _draws(base + candidate, _CELLS // 1000)
    sides = draws[:, base:], draws[:, :base]
    error = np.sqrt(sum(side.var(axis=1, ddof=1) / side.shape[1] for side in sides))
    return sides[0].mean(axis=1) - sides[1].mean(axis=1), np.asarray(error)


def _draws(count: int, cells: int) -> Values:
    return np.random.default_rng(SEED).standard_normal((max(400, min(_DRAWS, _CELLS // cells)), count))


def _spreads(draws: int, paired: bool, base: int, candidate: int) -> Values:
    """Estimates of a spread of 1 from so many processes."""
    return spreads(draws, base - 1 if paired else base + candidate - 2)


@lru_cache(maxsize=64)
def spreads(draws: int, free: int) -> Values:
    """Estimates of a spread of 1 with so many degrees of freedom."""
    return np.asarray(np.sqrt(np.random.default_rng([SEED, free]).chisquare(free, draws) / free))
