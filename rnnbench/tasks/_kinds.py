"""How a problem is learned and evaluated: the training loss, and the score whose mean is the quality."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, l1_loss, mse_loss

from rnnbench.tasks._ctc import BLANK, alignment_loss, best_path, distance

IGNORE = -100  # a label that counts neither in the loss nor in the score

Score = tuple[Tensor, int]
"""The sum of scores, and the number of scored items."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`readout` is `last` if the network answers once, after the last time step, and `each` if it answers at every step. `foresees`: the
    answer at a step may depend on later steps.

    Outputs are (batch, outputs) or (batch, seq_len, outputs), in fp32; `loss(outputs, y)` is a scalar.
    """

    quality: str
    better: Literal["lower", "higher"]
    readout: Literal["last", "each"]
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor, Tensor], Score]
    foresees: bool = False

    def reached(self, quality: float, target: float) -> bool:
        """Whether `quality` is at least as good as the target."""
        return quality <= target if self.better == "lower" else quality >= target

    def improves(self, quality: float, best: float | None) -> bool:
        """Whether `quality` is better than the best so far."""
        return best is None or (quality < best if self.better == "lower" else quality > best)


def labels_loss(outputs: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of (…, classes) with labels of (…), without ignored ones."""
    return cross_entropy(outputs.flatten(0, -2), y.flatten(), ignore_index=IGNORE)


def right(outputs: Tensor, y: Tensor) -> Score:
    """Number of correct labels."""
    judged = y != IGNORE
    return ((outputs.argmax(-1) == y) & judged).sum(), int(judged.sum())


def wholly_right(outputs: Tensor, y: Tensor) -> Score:
    """Number of sequences whose labels are all correct. With teacher forcing, that is the case exactly if the network's own greedy
    decoding would give the same sequence."""
    return ((outputs.argmax(-1) == y) | (y == IGNORE)).all(-1).sum(), len(y)


def surprise(outputs: Tensor, y: Tensor) -> Score:
    """Cross-entropy of the labels in bits."""
    nats = cross_entropy(outputs.flatten(0, -2), y.flatten(), ignore_index=IGNORE, reduction="sum")
    return nats / log(2), int((y != IGNORE).sum())


def squares(outputs: Tensor, y: Tensor) -> Score:
    """Squared errors."""
    return mse_loss(outputs, y, reduction="sum"), y.numel()


def distances(outputs: Tensor, y: Tensor) -> Score:
    """Absolute errors."""
    return l1_loss(outputs, y, reduction="sum"), y.numel()


def transcript_loss(outputs: Tensor, y: Tensor) -> Tensor:
    """CTC loss in nats per label: (batch, seq_len, classes) with labels of (batch, most), padded with ignored ones."""
    lengths = (y != IGNORE).sum(1)
    return (alignment_loss(outputs.transpose(0, 1), y.clamp(min=BLANK), lengths.tolist()) / lengths).mean()


def label_errors(outputs: Tensor, y: Tensor) -> Score:
    """Number of label edits between the best path and the labels."""
    return edits(best_path(outputs), y)


def edits(predicted: Iterable[list[int]], y: Tensor) -> Score:
    """The edit distance between predictions and labels, summed, and the number of labels."""
    wanted = [row[row != IGNORE].tolist() for row in y.cpu()]
    return torch.tensor(sum(map(distance, predicted, wanted))), sum(map(len, wanted))


REGRESSION = Kind("mean squared error", "lower", "last", mse_loss, squares)
FORECAST = Kind("absolute error ÷ seasonal-naive's", "lower", "last", l1_loss, distances)
CLASSIFICATION = Kind("accuracy", "higher", "last", labels_loss, right)
TAGGING = Kind("accuracy", "higher", "each", labels_loss, right)
SEQUENCE = Kind("sequence accuracy", "higher", "each", labels_loss, wholly_right)
MODELLING = Kind("bits per character", "lower", "each", labels_loss, surprise)
TRANSCRIPTION = Kind("label error rate", "lower", "each", transcript_loss, label_errors, foresees=True)
