"""Griffin: blocks of a gated linear recurrence with blocks of local attention in turn."""

from dataclasses import replace
from typing import cast

from torch import Tensor, nn
from torch.nn.functional import gelu

from rnnbench.case import Case
from rnnbench.variants._attention import WAYS, Affine, Block, Heads
from rnnbench.variants._deep import BothWays, deep
from rnnbench.variants._registry import variant
from rnnbench.variants.rg_lru import RgLru
from rnnbench.variants.window_attention import local

TURN = 3  # of three blocks, the second attends: the paper's two to one, with attention in any network of two layers


class Recurrent(nn.Module):
    """RG-LRU(x) ⊙ GELU(G x), mixed: (seq_len, batch, hidden) → (seq_len, batch, hidden)."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        hidden = case.hidden_size
        self.recurrence, self.gate, self.out = RgLru(case), Affine(hidden, hidden), Affine(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """The whole sequence."""
        return cast("Tensor", self.out(self.recurrence(x) * gelu(self.gate(x))))


@variant(implementations=WAYS, source="arXiv 2402.19427, without convolution; no positions")
def griffin(case: Case) -> nn.Module:
    """Griffin: two blocks of RG-LRU to one of sliding-window attention."""
    turns = iter(range(case.depth))

    def layer(one: Case) -> nn.Module:
        attends = next(turns) % TURN == 1
        inner = replace(one, input_size=one.hidden_size)

        def block() -> Block:
            return Block(one, Heads(one.hidden_size, local(one.window).way(one)) if attends else Recurrent(inner))

        return BothWays(block(), block()) if one.bidirectional else block()

    return deep(case, layer)
