"""Many cases with few processes: a joint permutation test, stepped down by Westfall and Young (1993).

Where ranks of so few processes cannot reach a level that is corrected for so many cases, the largest of all cases' statistics is held
against what it comes to when the processes' labels are exchanged in all cases at once. Of equal code every such labelling is as likely as
the true one, whatever the noise looks like, so the family's error rate is the level. The statistic is a t with a constant added to its
standard error (Tusher, Tibshirani, Chu 2001), which keeps five figures that lie together by luck from deciding."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rnnbench.gate.evidence import Sample

MOST = 2000  # labellings: all of them where there are no more, else a sample of that size
SEED = 20261101
SOFTENING = 0.25  # of the minimum effect's logarithm, added to each standard error
Values = NDArray[np.float64]


def stepped_down(samples: Sequence[Sample], edges: Sequence[float], sign: int, level: float) -> tuple[list[float], float]:
    """Corrected p-values that each case's shift, times `sign`, is above its edge (in logarithms), and the statistic that one case needs
    to fail at `level` (infinite where none would do).

    Each claim is tested against no shift at all and against the edge, and the larger p-value counts: of equal code the first is exact."""
    sampled = len({(one.paired, one.counts) for one in samples}) > 1
    found = []
    for share in (0.0, 1.0):
        rows = [statistics(one, sign, share * edge, SOFTENING * edge, sampled=sampled) for one, edge in zip(samples, edges, strict=True)]
        found.append(_corrected(np.stack(rows)))
    largest = np.sort(found[1][1])[::-1]  # of every labelling but the true one
    allowed = math.floor(level * (len(largest) + 1)) - 1  # that may reach a statistic which still fails
    needed = float(largest[allowed]) if 0 <= allowed < len(largest) else math.inf
    return [max(a, b) for a, b in zip(found[0][0], found[1][0], strict=True)], needed


def _corrected(table: Values) -> tuple[list[float], Values]:
    """P-values of the first labelling, the true one, and the largest statistic of every other; a row a case, a column a labelling."""
    order = np.argsort(-table[:, 0])
    largest = np.maximum.accumulate(table[order[::-1]], axis=0)[::-1]  # of this case and all with a smaller statistic
    p = np.maximum.accumulate((largest >= table[order, :1] - 1e-9).mean(axis=1))
    out = np.empty(len(table))
    out[order] = p
    return out.tolist(), largest[0, 1:]


def statistics(sample: Sample, sign: int, shift: float, softening: float, *, sampled: bool = False) -> Values:
    """The softened t of the sample, shifted against the claim, under every labelling; the true one first."""
    if sample.paired:
        values = sign * (sample.candidate - sample.base) - shift
        flips = _flips(len(values), sampled)
        mean, square = flips @ values / len(values), float(np.mean(values**2))
        error = np.sqrt(np.maximum(square - mean**2, 0) / (len(values) - 1))
        return np.asarray(mean / (error + softening))
    values = sign * np.concatenate([sample.base, sample.candidate - sign * shift])
    values = values - values.mean()
    chosen, count, rest = _labels(*sample.counts, sampled), len(sample.candidate), len(sample.base)
    sums, squares = chosen @ values, chosen @ values**2
    means = sums / count, -sums / rest
    spreads = (squares - count * means[0] ** 2, np.sum(values**2) - squares - rest * means[1] ** 2)
    variance = np.maximum(spreads[0], 0) / (count * (count - 1)) + np.maximum(spreads[1], 0) / (rest * (rest - 1))
    return np.asarray((means[0] - means[1]) / (np.sqrt(variance) + softening))


@lru_cache(maxsize=16)
def _flips(count: int, sampled: bool) -> Values:
    """Signs of the pairs, one row a labelling; the first leaves them as they are."""
    if not sampled and 2**count <= MOST:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    else:
        bits = np.random.default_rng([SEED, count]).integers(0, 2, (MOST, count))
        bits[0] = 0
    return np.asarray(1.0 - 2.0 * bits)


@lru_cache(maxsize=16)
def _labels(base: int, candidate: int, sampled: bool) -> Values:
    """Which processes are called the candidate's, one row a labelling; in the first the last ones are, as they truly are."""
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
