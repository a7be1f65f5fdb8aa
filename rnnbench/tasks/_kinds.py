"""How a problem is learned and judged: the loss that is trained on, and the score that its quality is the mean of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, l1_loss, mse_loss

from rnnbench.tasks._ctc import BLANK, alignment_loss, distance, spoken

IGNORE = -100  # a label that counts neither in the loss nor in the score

Score = tuple[Tensor, int]
"""A sum over what was judged, and how many that were."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`readout` is `last` where the network answers once, after the last time step, and `each` where it answers at every one;
    `foresees` where an answer at a step may follow from later ones.

    Outputs are (batch, outputs) or (batch, seq_len, outputs), in fp32; `loss(outputs, y)` is a scalar.
    """

    quality: str
    better: Literal["lower", "higher"]
    readout: Literal["last", "each"]
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor, Tensor], Score]
    foresees: bool = False

    def reached(self, quality: float, target: float) -> bool:
        """Is `quality` at least as good as the target?"""
        return quality <= target if self.better == "lower" else quality >= target

    def improves(self, quality: float, best: float | None) -> bool:
        """Is `quality` better than the best so far?"""
        return best is None or (quality < best if self.better == "lower" else quality > best)


def labels_loss(outputs: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of (…, classes) against labels of (…), without those to ignore."""
    return cross_entropy(outputs.flatten(0, -2), y.flatten(), ignore_index=IGNORE)


def right(outputs: Tensor, y: Tensor) -> Score:
    """Labels that were met."""
    judged = y != IGNORE
    return ((outputs.argmax(-1) == y) & judged).sum(), int(judged.sum())


def wholly_right(outputs: Tensor, y: Tensor) -> Score:
    """Sequences whose every label was met. Fed the true beginning at each step, a network meets all of them exactly where its own
    greedy decoding, step by step, would give the same sequence."""
    return ((outputs.argmax(-1) == y) | (y == IGNORE)).all(-1).sum(), len(y)


def surprise(outputs: Tensor, y: Tensor) -> Score:
    """Bits that the labels cost under the predicted distribution."""
    nats = cross_entropy(outputs.flatten(0, -2), y.flatten(), ignore_index=IGNORE, reduction="sum")
    return nats / log(2), int((y != IGNORE).sum())


def squares(outputs: Tensor, y: Tensor) -> Score:
    """Squared errors."""
    return mse_loss(outputs, y, reduction="sum"), y.numel()


def distances(outputs: Tensor, y: Tensor) -> Score:
    """Absolute errors."""
    return l1_loss(outputs, y, reduction="sum"), y.numel()


def transcript_loss(outputs: Tensor, y: Tensor) -> Tensor:
    """CTC, nats a label: (batch, seq_len, classes) against labels of (batch, most) that end where those to ignore begin."""
    lengths = (y != IGNORE).sum(1)
    return (alignment_loss(outputs.transpose(0, 1), y.clamp(min=BLANK), lengths.tolist()) / lengths).mean()


def label_errors(outputs: Tensor, y: Tensor) -> Score:
    """Labels to insert, to leave out or to replace on the best path."""
    return edits(spoken(outputs), y)


def edits(said: Iterable[list[int]], y: Tensor) -> Score:
    """What is said of each sequence against its labels."""
    wanted = [row[row != IGNORE].tolist() for row in y.cpu()]
    return torch.tensor(sum(map(distance, said, wanted))), sum(map(len, wanted))


REGRESSION = Kind("mean squared error", "lower", "last", mse_loss, squares)
FORECAST = Kind("absolute error ÷ seasonal-naive's", "lower", "last", l1_loss, distances)
CLASSIFICATION = Kind("accuracy", "higher", "last", labels_loss, right)
TAGGING = Kind("accuracy", "higher", "each", labels_loss, right)
SEQUENCE = Kind("sequence accuracy", "higher", "each", labels_loss, wholly_right)
MODELLING = Kind("bits per character", "lower", "each", labels_loss, surprise)
TRANSCRIPTION = Kind("label error rate", "lower", "each", transcript_loss, label_errors, foresees=True)
