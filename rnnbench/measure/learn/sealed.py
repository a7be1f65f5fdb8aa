"""The test split, sealed: a training is given the other two splits alone, and the test split is opened once, after its last step.

Whatever chooses anything (the trainer, the best weights, targets, tuning) has no handle to it.
"""

from dataclasses import dataclass
from typing import Protocol

from rnnbench.tasks import Data, Split


class Sealed(RuntimeError):
    """The test split was asked for too early, or a second time: a mistake in this package, not of its user."""


class HasEnded(Protocol):
    """A training, as the seal sees it."""

    @property
    def ended(self) -> bool:
        """Whether its last step is done and its best weights are chosen."""


@dataclass(frozen=True, slots=True)
class Practice:
    """What a training may see of its data: everything but the test split."""

    train: Split
    validation: Split
    outputs: int
    features: int
    vocabulary: int = 0


class SealedTest:
    """The test split, and the quality of the trivial predictor on it, until `open` is called once with a training that has ended."""

    __slots__ = ("__split", "__trivial")

    def __init__(self, split: Split, trivial: float) -> None:
        self.__split: Split | None = split
        self.__trivial = trivial

    def open(self, training: HasEnded) -> tuple[Split, float]:
        """The split and the trivial predictor's quality. Raises Sealed before the end of the training, and from the second time on."""
        if not training.ended:
            raise Sealed("the test split stays sealed until the training has ended")
        if self.__split is None:
            raise Sealed("the test split was opened before: a training is tested once")
        split, self.__split = self.__split, None
        return split, self.__trivial


def sealed(data: Data) -> tuple[Practice, SealedTest]:
    """A task's data in two parts: what may be trained and chosen on, and the rest."""
    practice = Practice(data.train, data.validation, data.outputs, data.features, data.vocabulary)
    return practice, SealedTest(data.test, data.trivial)
