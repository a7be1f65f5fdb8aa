"""Adaptive computation time: an LSTM cell decides how many steps to take on each input, up to `depth`.

A step halts with probability p; once the sum of p reaches `halt_at`, the state is the mean of the states of the steps, weighted by p.
The number of steps and the remainder, the ponder cost, are added to the loss.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from rnnbench.axis import Where
from rnnbench.case import Case
from rnnbench.variants._adaptive import Adaptive
from rnnbench.variants._deep import BothWays, Layer, State, uniform, weight
from rnnbench.variants._passes import wide_type
from rnnbench.variants._registry import variant

COST = 0.01  # added to the loss per step: the paper's τ, 1e-2 to 1e-3 in its experiments
HALTING_BIAS = 1.0  # the paper's: few steps at the start


class ActLstm(Layer, Adaptive):
    """(seq_len, batch, input_size) → (seq_len, batch, hidden_size)."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.most, self.halt_at = case.depth, case.halt_at
        gates = 4 * self.hidden
        self.w_ih, self.w_hh, self.w_first, self.bias = (
            weight(*shape) for shape in ((gates, self.inputs), (gates, self.hidden), (gates,), (gates,))
        )
        uniform(self.w_ih, self.w_hh, self.w_first, self.bias, hidden=self.hidden)
        self.halt = nn.Linear(self.hidden, 1)
        nn.init.constant_(self.halt.bias, HALTING_BIAS)
        self._taken: list[tuple[Tensor, Tensor]] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """The whole sequence. Sets `mean_depth`, `cost` and `run_depth`."""
        self._taken = []
        read = super().forward(x)
        steps, rests = (sum(parts) / len(x) for parts in zip(*self._taken, strict=True))
        self.mean_depth, self.cost = steps.mean(), COST * (steps + rests).mean()
        self.run_depth = torch.stack([taken.max() for taken, _ in self._taken]).mean()
        self._taken = None
        return read

    def start(self, x: Tensor) -> State:
        """h and c."""
        zero = x.new_zeros(len(x), self.hidden)
        return zero, zero

    def project(self, x: Tensor) -> Tensor:
        """W x + b: (…, inputs) → (…, 4 · hidden), the same at each pondering step."""
        return linear(x, self.w_ih, self.bias)

    def recur(self, p: Tensor, state: State) -> tuple[Tensor, State]:
        """Pondering steps on one input. Halted sequences continue with weight 0 until all have halted."""
        h, c = state
        mean_h, mean_c = 0.0 * h, 0.0 * c
        wide = wide_type(p.dtype)  # sums of probabilities in bf16 would halt early
        halted = p.new_zeros(len(p), 1, dtype=wide)
        steps, rests = halted, halted
        going = halted == 0
        for number in range(self.most):
            wanted = p + linear(h, self.w_hh) + (self.w_first if number == 0 else 0.0)
            i, f, g, o = wanted.chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            chance = self.halt(h).to(wide).sigmoid()
            ends = going & ((halted + chance >= self.halt_at) | (number == self.most - 1))
            share = chance.where(~ends, 1 - halted).where(going, 0.0)
            mean_h, mean_c = mean_h + share * h, mean_c + share * c
            steps, rests = steps + going, rests + share.where(ends, 0.0)
            halted = halted + chance.where(going, 0.0)
            going = going & ~ends
            if not bool(going.any()):
                break
        if self._taken is not None:
            self._taken.append((steps, rests))
        mean_h, mean_c = mean_h.to(h.dtype), mean_c.to(c.dtype)
        return mean_h, (mean_h, mean_c)

    def fused(self, x: Tensor) -> Tensor:
        """The input products for all steps at once, then step by step."""
        return self.hoisted(x)


def parameters(case: Case) -> int:
    """Weights of one cell, with a column for the first step and a halting unit; they do not depend on depth."""
    hidden = case.hidden_size
    return (2 if case.bidirectional else 1) * (4 * hidden * (case.input_size + hidden + 2) + hidden + 1)


def flops(case: Case) -> int:
    """FLOPs of a pass with all `depth` steps on each input: the input is multiplied once, the state at each step."""
    hidden, ways = case.hidden_size, 2 if case.bidirectional else 1
    return 2 * ways * case.batch_size * case.seq_len * (4 * hidden * case.input_size + case.depth * (4 * hidden + 1) * hidden)


@variant(
    implementations=("loop", "fused"),
    source="arXiv 1603.08983",
    flops=flops,
    parameters=parameters,
    state_size=lambda case: 2 * case.hidden_size,
    axes={"halt_at": Where(never={"depth": (1,)})},  # one step is always taken
)
def act_lstm(case: Case) -> nn.Module:
    """LSTM with adaptive computation time: up to `depth` steps on each input, until `halt_at`."""
    return nn.Sequential(BothWays(ActLstm(case), ActLstm(case)) if case.bidirectional else ActLstm(case))
