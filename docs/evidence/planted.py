"""An LSTM with a planted amount of real work beside it: products of 16 × 16 matrices in every forward pass.

RNNBENCH_PLANT says how many for each seed, as JSON: {"3": 12} is twelve products in the case of seed 3 and none in the others."""

import json
import os

import torch
from torch import nn

from rnnbench import variant

SIDE = 16
VARIABLE = "RNNBENCH_PLANT"


class Planted(nn.Module):
    """The LSTM; the products touch nothing of it."""

    def __init__(self, inner: nn.Module, products: int) -> None:
        super().__init__()
        self.inner, self.products = inner, products
        self.one = torch.ones(SIDE, SIDE) / SIDE

    def forward(self, x):
        """Of (seq_len, batch, features)."""
        with torch.no_grad():
            one = self.one
            for _ in range(self.products):
                one = one @ self.one
        return self.inner(x)


@variant(source="docs/gate.md")
def planted_lstm(case):
    """An LSTM, slowed by a known amount of work."""
    products = json.loads(os.environ.get(VARIABLE, "{}")).get(str(case.seed), 0)
    return Planted(nn.LSTM(case.input_size, case.hidden_size, case.depth), products)
