"""Exact null distributions of the Mann–Whitney U and Wilcoxon signed-rank statistics, as tables.

scipy computes the same for one statistic at a time and gives up exactness where figures are tied; here ties count against the claim, so
that the exact distribution stays an upper bound. Tests hold the tables against scipy's."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

MOST_EXACT = 60  # processes a side; beyond, the normal approximation with its continuity correction
Values = NDArray[np.float64]


@lru_cache(maxsize=256)
def survival(paired: bool, base: int, candidate: int) -> Values:
    """P(statistic ≥ k) where nothing differs, for k = 0 … its largest value. Of pairs `base` is their number."""
    if max(base, candidate) > MOST_EXACT:
        return _approximate(paired, base, candidate)
    pmf = _signed_rank(base) if paired else _rank_sum(base, candidate)
    return np.asarray(np.minimum(1.0, np.cumsum(pmf[::-1])[::-1]), dtype=np.float64)


def critical(tail: Values, level: float) -> int | None:
    """The least value of the statistic whose p-value is at most `level`; None where no value has that."""
    at = int(np.searchsorted(-tail, -level * (1 + 1e-12)))
    return at if at < len(tail) else None


def _signed_rank(count: int) -> Values:
    """Each rank is added or not, as a coin falls."""
    pmf = np.zeros(count * (count + 1) // 2 + 1)
    pmf[0] = 1.0
    for rank in range(1, count + 1):
        moved = np.zeros_like(pmf)
        moved[rank:] = pmf[:-rank]
        pmf = (pmf + moved) / 2
    return pmf


def _rank_sum(base: int, candidate: int) -> Values:
    """Mann and Whitney's recurrence: the largest of all values belongs to the candidate (and beats `base` values), or to the base."""
    row = [np.ones(1) for _ in range(candidate + 1)]  # no base values: U is 0
    for n in range(1, base + 1):
        before, row = row, [np.ones(1)]
        for m in range(1, candidate + 1):
            pmf = np.zeros(n * m + 1)
            pmf[n:] += m / (n + m) * row[m - 1]
            pmf[: (n - 1) * m + 1] += n / (n + m) * before[m]
            row.append(pmf)
    return np.asarray(row[candidate], dtype=np.float64)


def _approximate(paired: bool, base: int, candidate: int) -> Values:
    if paired:
        most, spread = base * (base + 1) // 2, np.sqrt(base * (base + 1) * (2 * base + 1) / 24)
    else:
        most, spread = base * candidate, np.sqrt(base * candidate * (base + candidate + 1) / 12)
    return np.asarray(stats.norm.sf((np.arange(most + 1) - 0.5 - most / 2) / spread), dtype=np.float64)
