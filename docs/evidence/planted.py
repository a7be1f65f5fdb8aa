"""An LSTM with a planted amount of real work beside it: RNNBENCH_PLANT products of 16 × 16 matrices in every forward pass."""

import os

import torch
from torch import nn

from rnnbench import variant

SIDE = 16


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
    return Planted(nn.LSTM(case.input_size, case.hidden_size, case.depth), int(os.environ.get("RNNBENCH_PLANT", "0")))
