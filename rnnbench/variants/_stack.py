"""A stack of recurrent layers run step by step in Python, on the weights of torch's fused module."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from rnnbench.case import Case

State = tuple[Tensor, ...]
Weights = Sequence[Tensor]
Step = Callable[[Tensor, State, Weights], State]
"""One time step: x (batch, features), state of (batch, hidden_size) tensors, [w_ih, w_hh, b_ih, b_hh] → the new state, output first."""


class Unrolled(nn.Module):
    """(seq_len, batch, input_size) → (seq_len, batch, directions · hidden_size); one Python iteration per layer and step."""

    def __init__(self, weights: nn.RNNBase, step: Step, states: int) -> None:
        super().__init__()
        self.weights = weights
        self.step = step
        self.states = states

    def forward(self, x: Tensor) -> Tensor:
        directions = 2 if self.weights.bidirectional else 1
        layers = self.weights.all_weights
        for first in range(0, len(layers), directions):
            ways = [self._run(x, layers[first + way], backwards=way == 1) for way in range(directions)]
            x = ways[0] if directions == 1 else torch.cat(ways, -1)
            if first + directions < len(layers):
                x = dropout(x, self.weights.dropout, self.training)
        return x

    def _run(self, x: Tensor, weights: Weights, *, backwards: bool) -> Tensor:
        state: State = (x.new_zeros(x.shape[1], self.weights.hidden_size),) * self.states
        inputs = x.unbind(0)
        outputs = []
        for one in reversed(inputs) if backwards else inputs:
            state = self.step(one, state, weights)
            outputs.append(state[0])
        return torch.stack(outputs[::-1] if backwards else outputs)


def stack(case: Case, fused: Callable[[], nn.RNNBase], steps: dict[str, Step], states: int = 1) -> nn.Module:
    """The case's implementation: `fused()` itself, or unrolled over `steps[implementation]`. Equal seeds give equal weights."""
    weights = fused()
    return weights if case.implementation == "fused" else Unrolled(weights, steps[case.implementation], states)


def sizes(case: Case) -> dict[str, int | bool]:
    """The arguments that torch's three fused modules share."""
    return {
        "input_size": case.input_size,
        "hidden_size": case.hidden_size,
        "num_layers": case.depth,
        "bidirectional": case.bidirectional,
    }
