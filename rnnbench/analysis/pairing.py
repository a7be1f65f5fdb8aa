"""Trainings held against each other along one axis, all else alike: who is better beyond the luck of its seeds, who is sooner."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf
from typing import Any

import numpy as np

from rnnbench.analysis.convergence import Trained


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups of seeds that differ in one axis only."""

    base: Trained
    other: Trained

    @property
    def verdict(self) -> int:
        """1: every seed of the other errs less than every one of the base. −1: more. 0: their seeds overlap."""
        ours, theirs = self.other.values("test_error"), self.base.values("test_error")
        if not ours or not theirs:
            return bool(ours) - bool(theirs)  # who diverged in every seed has lost
        return (max(ours) < min(theirs)) - (min(ours) > max(theirs))

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
        return sum(one.verdict == verdict for one in self.pairs)

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
