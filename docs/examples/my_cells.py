"""Minimal gated unit: a recurrent network with one gate, as a variant of one's own.

f  = σ(W_f x + U_f h)
h' = (1 − f) h + f tanh(W_n x + U_n (f h))
"""

import torch
from torch import Tensor, nn

from rnnbench import variant
from rnnbench.errors import Unsupported


class Layer(nn.Module):
    """x of (seq_len, batch_size, input_size) → (seq_len, batch_size, hidden_size)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.from_x = nn.Linear(input_size, 2 * hidden_size)
        self.gate = nn.Linear(hidden_size, hidden_size, bias=False)
        self.new = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[1], self.new.out_features)
        outputs = []
        for gate_x, new_x in (step.chunk(2, -1) for step in self.from_x(x)):
            f = (gate_x + self.gate(h)).sigmoid()
            h = h + f * ((new_x + self.new(f * h)).tanh() - h)
            outputs.append(h)
        return torch.stack(outputs)


@variant(implementations=("loop",), source="arXiv 1603.09420")
def mgu(case):
    """Minimal gated unit, a loop in Python."""
    if case.bidirectional:
        raise Unsupported("mgu reads in one direction only")
    sizes = [case.input_size, *[case.hidden_size] * case.depth]
    return nn.Sequential(*(Layer(size, case.hidden_size) for size in sizes[:-1]))
