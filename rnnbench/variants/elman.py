"""Elman network: h' = tanh(W x + b + U h + c), or relu."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from rnnbench.case import Case
from rnnbench.variants._costs import gated
from rnnbench.variants._registry import variant
from rnnbench.variants._stack import State, Step, Weights, sizes, stack

SOURCE = "doi 10.1207/s15516709cog1402_1"
WAYS = ("loop", "cell", "fused")
COSTS = gated(gates=1, states=1)


def written_out(x: Tensor, state: State, weights: Weights, activation: str) -> State:
    """The formula as written."""
    w_ih, w_hh, b_ih, b_hh = weights
    return (getattr(torch, activation)(linear(x, w_ih, b_ih) + linear(state[0], w_hh, b_hh)),)


def by_cell(x: Tensor, state: State, weights: Weights, activation: str) -> State:
    """torch's own cell."""
    cell = torch.rnn_tanh_cell if activation == "tanh" else torch.rnn_relu_cell
    return (cell(x, state[0], *weights),)


def build(case: Case, activation: str) -> nn.Module:
    """A deep Elman network with this activation."""
    steps: dict[str, Step] = {"loop": partial(written_out, activation=activation), "cell": partial(by_cell, activation=activation)}
    return stack(case, lambda: nn.RNN(nonlinearity=activation, **sizes(case)), steps)


@variant(implementations=WAYS, source=SOURCE, flops=COSTS.flops, parameters=COSTS.parameters, state_size=COSTS.state_size)
def elman(case: Case) -> nn.Module:
    """Elman network with tanh."""
    return build(case, "tanh")


@variant(implementations=WAYS, source=SOURCE, flops=COSTS.flops, parameters=COSTS.parameters, state_size=COSTS.state_size)
def elman_relu(case: Case) -> nn.Module:
    """Elman network with relu."""
    return build(case, "relu")
