"""Permutation of two sides' labels in many comparisons at once, and Westfall and Young's step-down correction of what it gives."""

import math
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

MOST = 2000  # labellings: all of them where there are no more, else a sample of that size
SEED = 20261101
Values = NDArray[np.float64]


@lru_cache(maxsize=16)
def labellings(base: int, candidate: int, sampled: bool) -> Values:
    """Which of base + candidate units are called the candidate's, one row a labelling; in the first the last ones are, as is true."""
    whole = base + candidate
    if not sampled and math.comb(whole, candidate) <= MOST:
        places = np.array(list(combinations(range(whole), candidate)))[::-1]
    else:
        luck = np.random.default_rng([SEED, base, candidate])
        places = np.argsort(luck.random((MOST, whole)), axis=1)[:, :candidate]
        places[0] = np.arange(base, whole)
    rows = np.zeros((len(places), whole))
    np.put_along_axis(rows, places, 1.0, axis=1)
    return rows


def corrected(table: Values) -> tuple[list[float], Values]:
    """P-values of the first labelling, the true one, and the largest statistic of every other; a row a case, a column a labelling."""
    order = np.argsort(-table[:, 0])
    largest = np.maximum.accumulate(table[order[::-1]], axis=0)[::-1]  # of this case and all with a smaller statistic
    p = np.maximum.accumulate((largest >= table[order, :1] - 1e-9).mean(axis=1))
    out = np.empty(len(table))
    out[order] = p
    return out.tolist(), largest[0, 1:]


def softened_t(values: Values, base: int, candidate: int, softening: float, *, sampled: bool = False) -> Values:
    """Of values, the base's first: the difference of the means, candidate − base, ÷ its standard error with a constant added (Tusher,
    Tibshirani, Chu 2001), under every labelling, the true one first."""
    values = values - values.mean()
    chosen = labellings(base, candidate, sampled)
    sums, squares = chosen @ values, chosen @ values**2
    means = sums / candidate, -sums / base
    spreads = (squares - candidate * means[0] ** 2, np.sum(values**2) - squares - base * means[1] ** 2)
    variance = np.maximum(spreads[0], 0) / (candidate * (candidate - 1)) + np.maximum(spreads[1], 0) / (base * (base - 1))
    return np.asarray((means[0] - means[1]) / (np.sqrt(variance) + softening))
