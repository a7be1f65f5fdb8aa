"""Long short-term memory, with forget gate and without peepholes."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from rnnbench.case import Case
from rnnbench.variants._costs import gated
from rnnbench.variants._registry import variant
from rnnbench.variants._stack import State, Step, Weights, sizes, stack

SOURCE = "doi 10.1162/neco.1997.9.8.1735; forget gate 10.1162/089976600300015015"
WAYS = ("loop", "cell", "fused")
COSTS = gated(gates=4, states=2)


def written_out(x: Tensor, state: State, weights: Weights) -> State:
    """i, f, g, o = W x + U h + b; c' = σ(f) c + σ(i) tanh(g); h' = σ(o) tanh(c')."""
    h, c = state
    w_ih, w_hh, b_ih, b_hh = weights
    i, f, g, o = (linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def by_cell(x: Tensor, state: State, weights: Weights) -> State:
    """torch's own cell."""
    h, c = torch.lstm_cell(x, list(state), *weights)
    return h, c


STEPS: dict[str, Step] = {"loop": written_out, "cell": by_cell}


@variant(implementations=WAYS, source=SOURCE, flops=COSTS.flops, parameters=COSTS.parameters, state_size=COSTS.state_size)
def lstm(case: Case) -> nn.Module:
    """Long short-term memory."""
    return stack(case, lambda: nn.LSTM(**sizes(case)), STEPS, states=2)
