"""Minimal gated unit: a recurrent network with one gate, as a variant of one's own.

f  = σ(W_f x + U_f h)
h' = (1 − f) h + f tanh(W_n x + U_n (f h))
"""

import torch
from torch import Tensor, nn

from rnnbench import own_axis, variant
from rnnbench.errors import Unsupported


class Layer(nn.Module):
    """x of (seq_len, batch_size, input_size) → (seq_len, batch_size, hidden_size)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.from_x = nn.Linear(input_size, 2 * hidden_size)
        self.gate = nn.Linear(hidden_size, hidden_size, bias=False)
        self.new = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.begin(x.shape[1])
        outputs = []
        for step in self.from_x(x):
            h = self.step(step, h)
            outputs.append(h)
        return torch.stack(outputs)

    def step(self, from_x: Tensor, h: Tensor) -> Tensor:
        gate_x, new_x = from_x.chunk(2, -1)
        f = (gate_x + self.gate(h)).sigmoid()
        return h + f * ((new_x + self.new(f * h)).tanh() - h)

    def begin(self, batch_size):
        """The state before the first step, of any type."""
        return self.new.weight.new_zeros(batch_size, self.new.out_features)

    def advance(self, x, state):
        """x of (batch_size, input_size) → y of (batch_size, hidden_size), and the next state."""
        h = self.step(self.from_x(x), state)
        return h, h


@variant(implementations=("loop",), source="arXiv 1603.09420")
def mgu(case):
    """Minimal gated unit, a loop in Python."""
    if case.bidirectional:
        raise Unsupported("mgu reads in one direction only")
    sizes = [case.input_size, *[case.hidden_size] * case.depth]
    return nn.Sequential(*(Layer(size, case.hidden_size) for size in sizes[:-1]))


@variant(
    implementations=("loop",),
    source="arXiv 1603.09420",
    axes={"gate_bias": own_axis(1.0, "bias of the gate at the start")},
)
def mgu_biased(case):
    """Minimal gated unit whose gate starts with a bias."""
    layers = mgu(case)
    for layer in layers:
        nn.init.constant_(layer.from_x.bias[: case.hidden_size], case.gate_bias)
    return layers
