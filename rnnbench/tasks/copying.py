"""Copy memory: repeat the symbols at the beginning, in order, at the end. (doi 10.1162/neco.1997.9.8.1735)"""

import torch
from torch import Tensor

from rnnbench.case import Case
from rnnbench.tasks._kinds import IGNORE, TAGGING
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split, commonest_share, least_length, seeded

SYMBOLS, COPIED = 8, 4
BLANK, GO = 0, SYMBOLS + 1
SIZES = [3_072, 512, 512]  # of the 4,096 possible sequences


def posed(symbols: Tensor, seq_len: int) -> Split:
    """x: (n, seq_len) of tokens: COPIED symbols, blanks, a start signal, blanks. y: the symbols at the last COPIED steps."""
    x, y = torch.full((len(symbols), seq_len), BLANK), torch.full((len(symbols), seq_len), IGNORE)
    x[:, :COPIED] = symbols
    x[:, -COPIED] = GO
    y[:, -COPIED:] = symbols
    return Split(x, y)


def make(case: Case) -> Data:
    """The data. No sequence of symbols is in two splits. The trivial predictor always answers the commonest symbol."""
    least_length(case, "copy", 2 * COPIED)
    every = torch.cartesian_prod(*[torch.arange(1, SYMBOLS + 1)] * COPIED)
    parts = every[torch.randperm(len(every), generator=seeded())].split(SIZES)
    train, validation, test = (posed(symbols, case.seq_len) for symbols in parts)
    trivial = commonest_share(train.y[:, -COPIED:], test.y[:, -COPIED:])
    return Data(train, validation, test, outputs=GO + 1, trivial=trivial, vocabulary=GO + 1)


PROBLEMS.add(
    "copy",
    Problem(
        name="copy",
        about=f"{COPIED} symbols, to be repeated after seq_len − {2 * COPIED} blanks",
        kind=TAGGING,
        target=0.99,
        trivial="always the commonest symbol",
        make=make,
        recipe=Recipe(lr=5e-3, max_steps=4000),
    ),
)
