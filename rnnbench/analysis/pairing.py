"""Trainings compared along one axis, all else alike: who is better beyond seed variation, and who reaches the target sooner."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf
from typing import Any

import numpy as np

from rnnbench.analysis.convergence import Trained, equal_budget
from rnnbench.analysis.ranks import survival

LEVEL = 0.05  # of a verdict between two groups of seeds, in either direction
FEWEST_SEEDS = 4
"""A side, of equally many: every one of three seeds is better than every one of three others in 10 % of equal trainings."""


def beyond_seeds(ours: Sequence[float], theirs: Sequence[float]) -> int:
    """1: our errors are smaller than theirs by an exact rank test, −1: larger, 0: neither. Equal trainings are told apart in 5 % of such
    comparisons at most. An error is infinite where the training diverged; ties count for neither."""
    if not ours or not theirs:
        return 0
    tail = survival(False, len(theirs), len(ours))
    wins, losses = sum(a < b for a in ours for b in theirs), sum(a > b for a in ours for b in theirs)
    return int(tail[wins] <= LEVEL / 2) - int(tail[losses] <= LEVEL / 2)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups of seeds that differ in one axis only."""

    base: Trained
    other: Trained

    @property
    def comparable(self) -> bool:
        """Whether both were trained for as many steps, so that their qualities can be compared."""
        return equal_budget((self.base, self.other))

    @property
    def verdict(self) -> int:
        """1: the other errs less than the base, beyond seed variation. −1: more. 0: within it, or too few seeds to tell. Of a comparable
        pair."""
        return beyond_seeds(self.other.errors, self.base.errors)

    @property
    def sooner(self) -> float | None:
        """Seconds to the target ÷ those of the base, both medians over seeds; None where one of them was not reached."""
        both = [one.to_target("time_to_target_s", "training_s") for one in (self.other, self.base)]
        times = [one.value for one in both if one is not None and not isinf(one.value)]
        return times[0] / times[1] if len(times) == 2 and times[1] > 0 else None


@dataclass(frozen=True, slots=True)
class Standing:
    """Every pair of one value of an axis against its base."""

    value: Any
    base: Any
    pairs: tuple[Pair, ...]

    def count(self, verdict: int) -> int:
        """In how many pairs it came out so."""
        return sum(one.comparable and one.verdict == verdict for one in self.pairs)

    @property
    def tasks(self) -> bool:
        """Whether each pair learned a task of its own."""
        return len({pair.base.axis("task") for pair in self.pairs}) == len(self.pairs)

    @property
    def sooner(self) -> tuple[float, float, float, int] | None:
        """The median of the pairs' ratios of time to the target, the least, the most, and of how many."""
        found = [ratio for pair in self.pairs if (ratio := pair.sooner) is not None]
        return (float(np.median(found)), min(found), max(found), len(found)) if found else None

    def diverged(self, which: str) -> tuple[int, int]:
        """How many trainings of the `base` or of the `other` did, and of how many."""
        sides = [getattr(pair, which) for pair in self.pairs]
        return sum(side.diverged for side in sides), sum(len(side.records) for side in sides)


def standings(groups: Sequence[Trained], axis: str, base: Any) -> list[Standing]:
    """Every other value of `axis` against `base`, in the order in which they were recorded."""
    at_base = {_rest(group, axis): group for group in groups if group.axis(axis) == base}
    found: dict[Any, list[Pair]] = {}
    for group in groups:
        if group.axis(axis) != base and (held := at_base.get(_rest(group, axis))):
            found.setdefault(group.axis(axis), []).append(Pair(held, group))
    return [Standing(value, base, tuple(pairs)) for value, pairs in found.items()]


def _rest(group: Trained, axis: str) -> tuple[tuple[str, Any], ...]:
    return tuple(pair for pair in group.axes if pair[0] != axis)
