"""Delayed parity: at each step, whether some earlier bits contain an odd number of ones. What must be remembered changes at every step."""

import torch
from torch import Generator, Tensor

from rnnbench.case import Case
from rnnbench.tasks._kinds import IGNORE, TAGGING
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, commonest_share, least_length, synthetic

COUNTED, DELAY = 3, 2
FIRST = COUNTED + DELAY - 1  # the first step that can be answered
SHORTEST = 32  # with fewer bits, two splits could share a sequence by chance
SIZES = (20_000, 500, 1_000)


def draw(count: int, seq_len: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """x: (count, seq_len, 1), bits as −1 or 1. y: (count, seq_len), the parity of COUNTED bits, the last of them DELAY steps ago."""
    bits = torch.randint(2, (count, seq_len), generator=generator)
    y = torch.full((count, seq_len), IGNORE)
    y[:, FIRST:] = bits[:, : seq_len - DELAY].unfold(1, COUNTED, 1).sum(-1) % 2
    return 2.0 * bits[..., None] - 1.0, y


def make(case: Case) -> Data:
    """The data. The trivial predictor always gives the commoner answer."""
    least_length(case, "parity", SHORTEST)
    train, validation, test = synthetic(case, draw, SIZES)
    trivial = commonest_share(train.y[:, FIRST:], test.y[:, FIRST:])
    return Data(train, validation, test, outputs=2, trivial=trivial)


PROBLEMS.add(
    "parity",
    Problem(
        name="parity",
        about=f"parity of {COUNTED} bits, {DELAY} steps later, at each step",
        kind=TAGGING,
        target=0.99,
        trivial="always the commoner answer",
        make=make,
        recipe=Recipe(lr=1e-2, max_steps=1000),
    ),
)
