"""CTC, for labels in order without their times: the loss over all alignments, and errors of the best path. (doi 10.1145/1143844.1143891)

Class 0 is the blank.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

BLANK = 0
EACH = 0  # torch's constant for one loss per sequence


def alignment_loss(outputs: Tensor, y: Tensor, lengths: Sequence[int]) -> Tensor:
    """Nats per sequence: (batch,). `outputs` is (seq_len, batch, classes) and is converted to fp32. `y` is (batch, labels), of which
    the first `lengths` count; these are Python numbers, to avoid a synchronisation with the device."""
    steps = [len(outputs)] * len(y)
    return torch.ctc_loss(log_softmax(outputs.float(), -1), y, steps, list(lengths), reduction=EACH, zero_infinity=True)


def best_path(outputs: Tensor) -> Iterator[list[int]]:
    """Labels of each sequence's best path: the likeliest class per step, without repeats and blanks. outputs: (batch, seq_len, classes)."""
    for path in outputs.argmax(-1).cpu():
        yield [label for label in torch.unique_consecutive(path).tolist() if label != BLANK]


def distance(predicted: Sequence[int], wanted: Sequence[int]) -> int:
    """Edit distance: insertions, deletions and replacements between two sequences."""
    row = list(range(len(wanted) + 1))
    for first, one in enumerate(predicted, 1):
        corner, row[0] = row[0], first
        for column, other in enumerate(wanted, 1):
            corner, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, corner + (one != other))
    return row[-1]
