"""Adding: two of many random numbers are marked; the answer after the last is their sum. (doi 10.1162/neco.1997.9.8.1735)"""

import torch
from torch import Generator, Tensor

from rnnbench.case import Case
from rnnbench.tasks._kinds import REGRESSION
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, least_length, synthetic

SIZES = (20_000, 1_000, 2_000)


def draw(count: int, seq_len: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """x: (count, seq_len, 2), a number from 0 to 1 and its mark; one mark per half. y: (count, 1), the sum of the marked numbers."""
    numbers = torch.rand(count, seq_len, generator=generator)
    half = seq_len // 2
    first = torch.randint(half, (count,), generator=generator)
    second = half + torch.randint(seq_len - half, (count,), generator=generator)
    rows = torch.arange(count)
    marks = torch.zeros(count, seq_len)
    marks[rows, first] = marks[rows, second] = 1.0
    return torch.stack((numbers, marks), -1), (numbers[rows, first] + numbers[rows, second])[:, None]


def make(case: Case) -> Data:
    """The data. The trivial predictor always answers 1, the mean."""
    least_length(case, "adding", 2)
    train, validation, test = synthetic(case, draw, SIZES)
    return Data(train, validation, test, outputs=1, trivial=float((test.y - train.y.mean()).square().mean()))


PROBLEMS.add(
    "adding",
    Problem(
        name="adding",
        about="sum of the two marked among seq_len random numbers",
        kind=REGRESSION,
        target=0.01,
        trivial="always the mean, 1",
        make=make,
        recipe=Recipe(lr=1e-2, max_steps=3000, schedule="constant"),
    ),
)
