"""Copy memory: symbols at the beginning are to be repeated, in order, at the end. (doi 10.1162/neco.1997.9.8.1735)"""

import torch
from torch import Generator, Tensor

from rnnbench.case import Case
from rnnbench.tasks._kinds import IGNORE, TAGGING
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, commonest_share, least_length, synthetic

SYMBOLS, COPIED = 8, 4
BLANK, GO = 0, SYMBOLS + 1
SIZES = (20_000, 500, 1_000)


def draw(count: int, seq_len: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """x: (count, seq_len) of tokens: COPIED symbols, blanks, a sign to go, blanks. y: those symbols at the last COPIED steps."""
    symbols = torch.randint(1, SYMBOLS + 1, (count, COPIED), generator=generator)
    x = torch.full((count, seq_len), BLANK)
    x[:, :COPIED] = symbols
    x[:, -COPIED] = GO
    y = torch.full((count, seq_len), IGNORE)
    y[:, -COPIED:] = symbols
    return x, y


def make(case: Case) -> Data:
    """Against one symbol, always."""
    least_length(case, "copy", 2 * COPIED)
    train, validation, test = synthetic(case, draw, SIZES)
    trivial = commonest_share(train.y[:, -COPIED:], test.y[:, -COPIED:])
    return Data(train, validation, test, outputs=GO + 1, trivial=trivial, vocabulary=GO + 1)


PROBLEMS.add(
    "copy",
    Problem(
        name="copy",
        about=f"{COPIED} symbols, asked for again after seq_len − {2 * COPIED} blanks",
        kind=TAGGING,
        target=0.99,
        trivial="the commonest symbol, always",
        make=make,
        recipe=Recipe(lr=5e-3, max_steps=4000),
    ),
)
