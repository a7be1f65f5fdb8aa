"""Labels in order, without their times: the loss over all alignments, and the errors of the best path. (CTC, doi 10.1145/1143844.1143891)

Class 0 is the blank.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

BLANK = 0
EACH = 0  # torch's number for one loss a sequence


def alignment_loss(outputs: Tensor, y: Tensor, lengths: Sequence[int]) -> Tensor:
    """Nats of each sequence: (batch,). `outputs` is (seq_len, batch, classes), in fp32 whatever comes; `y` is (batch, labels), of which
    the first `lengths` count: plain numbers, so that no device is asked for them."""
    steps = [len(outputs)] * len(y)
    return torch.ctc_loss(log_softmax(outputs.float(), -1), y, steps, list(lengths), reduction=EACH, zero_infinity=True)


def spoken(outputs: Tensor) -> Iterator[list[int]]:
    """Labels of each sequence's best path: the likeliest class of each step, repeats joined, blanks out. (batch, seq_len, classes)"""
    for path in outputs.argmax(-1).cpu():
        yield [label for label in torch.unique_consecutive(path).tolist() if label != BLANK]


def distance(said: Sequence[int], wanted: Sequence[int]) -> int:
    """Insertions, deletions and replacements between two sequences."""
    row = list(range(len(wanted) + 1))
    for first, one in enumerate(said, 1):
        corner, row[0] = row[0], first
        for column, other in enumerate(wanted, 1):
            corner, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, corner + (one != other))
    return row[-1]
