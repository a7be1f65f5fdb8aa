"""Many cases with few processes: a joint permutation test, stepped down by Westfall and Young (1993).

Where ranks of so few processes cannot reach a level that is corrected for so many cases, the largest of all cases' statistics is held
against what it comes to when the processes' labels are exchanged in all cases at once. Of equal code every such labelling is as likely as
the true one, whatever the noise looks like, so the family's error rate is the level. The statistic is a t with a constant added to its
standard error (Tusher, Tibshirani, Chu 2001), which keeps five figures that lie together by luck from deciding."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from rnnbench.analysis.relabelling import MOST, SEED, Values, corrected, softened_t
from rnnbench.gate.statistics.evidence import Sample

SOFTENING = 0.25  # of the minimum effect's logarithm, added to each standard error


def stepped_down(samples: Sequence[Sample], edges: Sequence[float], sign: int, level: float) -> tuple[list[float], float]:
    """Corrected p-values that each case's shift, times `sign`, is above its edge (in logarithms), and the statistic that one case needs
    to fail at `level` (infinite where none would do).

    Each claim is tested against no shift at all and against the edge, and the larger p-value counts: of equal code the first is exact."""
    sampled = len({(one.paired, one.counts) for one in samples}) > 1
    found = []
    for share in (0.0, 1.0):
        rows = [statistics(one, sign, share * edge, SOFTENING * edge, sampled=sampled) for one, edge in zip(samples, edges, strict=True)]
        found.append(corrected(np.stack(rows)))
    largest = np.sort(found[1][1])[::-1]  # of every labelling but the true one
    allowed = math.floor(level * (len(largest) + 1)) - 1  # that may reach a statistic which still fails
    needed = float(largest[allowed]) if 0 <= allowed < len(largest) else math.inf
    return [max(a, b) for a, b in zip(found[0][0], found[1][0], strict=True)], needed


def statistics(sample: Sample, sign: int, shift: float, softening: float, *, sampled: bool = False) -> Values:
    """The softened t of the sample, shifted against the claim, under every labelling; the true one first."""
    if sample.paired:
        values = sign * (sample.candidate - sample.base) - shift
        flips = _flips(len(values), sampled)
        mean, square = flips @ values / len(values), float(np.mean(values**2))
        error = np.sqrt(np.maximum(square - mean**2, 0) / (len(values) - 1))
        return np.asarray(mean / (error + softening))
    values = sign * np.concatenate([sample.base, sample.candidate - sign * shift])
    return softened_t(values, len(sample.base), len(sample.candidate), softening, sampled=sampled)


@lru_cache(maxsize=16)
def _flips(count: int, sampled: bool) -> Values:
    """Signs of the pairs, one row a labelling; the first leaves them as they are."""
    if not sampled and 2**count <= MOST:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    else:
        bits = np.random.default_rng([SEED, count]).integers(0, 2, (MOST, count))
        bits[0] = 0
    return np.asarray(1.0 - 2.0 * bits)
