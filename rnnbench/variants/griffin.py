"""Griffin: blocks of a gated linear recurrence alternate with blocks of local attention.

The recurrence and the pattern are those of arXiv 2402.19427. The blocks around them are rnnbench's own, so that Griffin differs from the
other attention variants in one respect only. They have LayerNorm instead of RMSNorm, a plain GELU MLP of 4× width instead of a gated
one of 3×, multi-head attention without positions instead of multi-query attention with rotary positions, and no convolution before the
recurrence.
"""

from dataclasses import replace
from typing import cast

from torch import Tensor, nn
from torch.nn.functional import gelu

from rnnbench.case import Case
from rnnbench.variants import rg_lru
from rnnbench.variants._attention import MLP, WAYS, Affine, Block, Heads
from rnnbench.variants._costs import inputs_of
from rnnbench.variants._decode import Around, Streaming, streaming
from rnnbench.variants._deep import BothWays, deep
from rnnbench.variants._registry import variant
from rnnbench.variants.rg_lru import RgLru
from rnnbench.variants.window_attention import local, pairs
from rnnbench.variants.window_attention import state_size as window_state

TURN = 3  # the second of every three blocks attends: the paper's two to one, with attention in any network of two layers


class Recurrent(nn.Module):
    """RG-LRU(x) ⊙ GELU(G x), mixed: (seq_len, batch, hidden) → (seq_len, batch, hidden)."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        hidden = case.hidden_size
        self.recurrence, self.gate, self.out = RgLru(case), Affine(hidden, hidden), Affine(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """The whole sequence."""
        return self.join(x, self.recurrence(x))

    def join(self, x: Tensor, y: Tensor) -> Tensor:
        """Gate the recurrence's output y with the input x."""
        return cast("Tensor", self.out(y * gelu(self.gate(x))))

    def stream(self, name: str) -> Streaming:
        """One step at a time."""
        return Around(streaming(self.recurrence, name), self.join)


def attending(case: Case) -> int:
    """Number of attention blocks."""
    return sum(number % TURN == 1 for number in range(case.depth))


def products(case: Case) -> int:
    """FLOPs of attention blocks, and of blocks with the recurrence, its gate and mixing layer instead of heads."""
    hidden, ways, recurrent = case.hidden_size, 2 if case.bidirectional else 1, case.depth - attending(case)
    steps = 2 * ways * case.batch_size * case.seq_len
    entered = sum(0 if inputs == hidden else inputs * hidden for inputs in inputs_of(case))
    mlps = case.depth * 2 * MLP * hidden**2
    heads = attending(case) * 4 * hidden**2
    gates = recurrent * (2 * hidden**2 + rg_lru.COSTS.products(hidden, hidden))
    scores = attending(case) * 2 * pairs(case) * hidden
    return steps * (entered + mlps + heads + gates) + 2 * ways * case.batch_size * scores


def parameters(case: Case) -> int:
    """Number of weights: norms and MLP of every block, heads in some, recurrence, gate and mixing layer in the others."""
    hidden, ways, recurrent = case.hidden_size, 2 if case.bidirectional else 1, case.depth - attending(case)
    entered = sum(0 if inputs == hidden else (inputs + 1) * hidden for inputs in inputs_of(case))
    own = 2 * MLP * hidden**2 + (MLP + 5) * hidden
    heads = 4 * hidden**2 + 4 * hidden
    recurrence = rg_lru.COSTS.parameters_of(hidden, hidden) + 2 * (hidden**2 + hidden)
    return ways * (entered + case.depth * own + attending(case) * heads + recurrent * recurrence)


def state_size(case: Case) -> int:
    """Numbers kept per sequence: the windows' keys and values, and the recurrences' states."""
    own = replace(case, depth=1, input_size=case.hidden_size)
    kept = attending(case) * window_state(own)
    return kept + (case.depth - attending(case)) * rg_lru.COSTS.state(case.hidden_size, case.hidden_size)


@variant(
    implementations=WAYS,
    source="arXiv 2402.19427 in rnnbench's own blocks: LayerNorm, plain MLP × 4, multi-head; no convolution, no positions",
    flops=products,
    parameters=parameters,
    state_size=state_size,
    axes=("window",),
)
def griffin(case: Case) -> nn.Module:
    """Griffin: two blocks of RG-LRU to one of sliding-window attention."""
    turns = iter(range(case.depth))

    def layer(one: Case) -> nn.Module:
        attends = next(turns) % TURN == 1
        inner = replace(one, input_size=one.hidden_size)

        def block() -> Block:
            pattern = local(one.window)
            return Block(one, Heads(one.hidden_size, pattern.way(one), pattern.memory) if attends else Recurrent(inner))

        return BothWays(block(), block()) if one.bidirectional else block()

    return deep(case, layer)
