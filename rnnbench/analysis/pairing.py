"""Trainings compared along one axis, all else alike: who is better beyond seed variation, and who reaches the target sooner."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isinf
from typing import Any

import numpy as np

from rnnbench.analysis.convergence import TUNED_AXES, Trained, equal_budget
from rnnbench.analysis.seed_tests import EFFECT, FEWEST_SEEDS, SeedSample, SeedVerdict, decide


def beyond_seeds(ours: Sequence[float], theirs: Sequence[float]) -> int:
    """1: our errors are smaller than theirs, −1: larger, 0: neither is certain, or there are too few seeds. The verdict of `rnnbench
    compare`. An error is infinite where the training diverged."""
    sample = SeedSample(theirs, ours, test="rank sum")
    return _sign(decide([sample], [EFFECT], intervals=False)[0]) if sample.enough else 0


def _sign(found: SeedVerdict) -> int:
    return 1 if found.outcome == "better" else -1 if found.certain else 0


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
    def quality(self) -> SeedSample | None:
        """Test errors; None where they cannot be compared."""
        return SeedSample(self.base.errors, self.other.errors, test="rank sum") if self.comparable else None

    @property
    def steps(self) -> SeedSample:
        """Steps to the target, up to the step at which the first training that missed it was stopped."""
        sides = [side.steps_to_target for side in (self.base, self.other)]
        given = [steps for _, missed in sides for steps in missed if not isinf(steps)]
        base, other = ([*reached, *(inf for _ in missed)] for reached, missed in sides)
        return SeedSample(base, other, min(given, default=inf))

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
    qualities: tuple[int | None, ...]
    steps: tuple[int | None, ...]
    """A verdict for each pair, of quality and of steps to the target: 1 better, −1 worse, 0 neither is certain; None where they are not
    compared, or there are too few seeds. All of them are corrected for their number."""

    @property
    def too_few(self) -> int:
        """The fewest seeds of a side, where they are too few for a verdict in every pair; else 0."""
        fewest = [min(pair.steps.counts) for pair in self.pairs]
        return max(fewest) if max(fewest) < FEWEST_SEEDS else 0

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
    return [Standing(value, base, tuple(pairs), *_verdicts(pairs)) for value, pairs in found.items()]


def _verdicts(pairs: Sequence[Pair]) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
    """Of quality and of steps, decided together."""
    samples = [*(pair.quality for pair in pairs), *(pair.steps for pair in pairs)]
    judged = [one for one in samples if one is not None and one.enough]
    signs = iter([_sign(one) for one in decide(judged, [EFFECT] * len(judged), intervals=False)])
    found = [next(signs) if one is not None and one.enough else None for one in samples]
    return tuple(found[: len(pairs)]), tuple(found[len(pairs) :])


def _rest(group: Trained, axis: str) -> tuple[tuple[str, Any], ...]:
    """Its other axes; what was tuned is each setting's own."""
    aside = (axis, *(TUNED_AXES if group.tuning else ()))
    return tuple(pair for pair in group.axes if pair[0] not in aside)
