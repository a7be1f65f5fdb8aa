"""The smallest change that a duet finds nine times in ten: flagged at one of its looks, and confirmed on fresh pairs."""

import math
from functools import lru_cache

import numpy as np
from scipy.stats import t

from rnnbench.gate.statistics.evidence import POWER
from rnnbench.gate.statistics.power import SEED, Values, paired_shifts, spreads
from rnnbench.gate.statistics.sequential import LookPlan

_DRAWS = 2000
_STEPS = 40  # of bisection


def smallest_change(spread: float, known_from: int, plan: LookPlan, cases: int, effect: float) -> float:
    """The smallest change (0.05 is 5 %) of one of `cases` that `plan` finds to be beyond ±`effect` in nine of ten duets.

    `spread` is that of the difference within a pair, as a standard deviation of logarithms from `known_from` pairs measured before.
    Infinite where no change would be found so often."""
    return math.expm1(math.log1p(effect) + spreads_needed(plan, cases, known_from) * spread)


@lru_cache(maxsize=128)
def spreads_needed(plan: LookPlan, cases: int, known_from: int) -> float:
    """How many spreads beyond the minimum effect such a change lies. By simulation of normal noise with a fixed seed.

    Each test has the level divided by the number of cases, which is a little stricter than the joint test that a duet makes."""
    luck = np.random.default_rng([SEED, len(plan.stages)])
    first = luck.standard_normal((_DRAWS, plan.stages[-1]))
    again = luck.standard_normal((_DRAWS, plan.fresh(plan.stages[-1])))
    flagged = [_flag_shifts(first[:, :pairs], plan.level(look) / cases) for look, pairs in enumerate(plan.stages)]
    holds = [paired_shifts(again[:, : plan.fresh(pairs)], plan.alpha) for pairs in plan.stages]
    estimates = spreads(_DRAWS, known_from - 1)

    def found(size: float) -> float:
        shifts, share, open_ = size * estimates, 0.0, np.ones(_DRAWS, dtype=bool)
        for flag, hold in zip(flagged, holds, strict=True):
            now = open_ & (shifts > flag)
            share += float(np.mean(now & (shifts > hold)))
            open_ &= ~now
        return share

    low, high = 0.0, 1.0
    while found(high) < POWER:
        low, high = high, 2 * high
        if high > 2**10:
            return math.inf
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) >= POWER else (middle, high)
    return high


def _flag_shifts(draws: Values, level: float) -> Values:
    """How far each sample must be shifted to raise a flag: by ranks, or by a t test where ranks of so few pairs cannot reach the level."""
    pairs = draws.shape[1]
    if 0.5**pairs <= level:
        return paired_shifts(draws, level)
    needed = float(t.isf(level, pairs - 1))
    return np.asarray(needed * draws.std(axis=1, ddof=1) / math.sqrt(pairs) - draws.mean(axis=1))
