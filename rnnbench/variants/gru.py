"""Gated recurrent unit, in cuDNN's form: the reset gate acts after the matrix product."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from rnnbench.case import Case
from rnnbench.variants._costs import gated
from rnnbench.variants._registry import variant
from rnnbench.variants._stack import State, Weights, sizes, stack

COSTS = gated(gates=3, states=1)


def written_out(x: Tensor, state: State, weights: Weights) -> State:
    """r, z, n from W x and U h; n = tanh(Wn x + r Un h); h' = (1 − z) n + z h."""
    (h,) = state
    w_ih, w_hh, b_ih, b_hh = weights
    rx, zx, nx = linear(x, w_ih, b_ih).chunk(3, -1)
    rh, zh, nh = linear(h, w_hh, b_hh).chunk(3, -1)
    r, z = (rx + rh).sigmoid(), (zx + zh).sigmoid()
    n = (nx + r * nh).tanh()
    return (n + z * (h - n),)


def by_cell(x: Tensor, state: State, weights: Weights) -> State:
    """torch's own cell."""
    return (torch.gru_cell(x, state[0], *weights),)


@variant(
    implementations=("loop", "cell", "fused"),
    source="arXiv 1406.1078, with the reset gate after the product as in cuDNN",
    flops=COSTS.flops,
    parameters=COSTS.parameters,
    state_size=COSTS.state_size,
)
def gru(case: Case) -> nn.Module:
    """Gated recurrent unit."""
    return stack(case, lambda: nn.GRU(**sizes(case)), {"loop": written_out, "cell": by_cell})
