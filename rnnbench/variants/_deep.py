"""Layers one upon another, for families that torch has no fused module of."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants import kernels, native
from rnnbench.variants._costs import inputs_of

State = tuple[Tensor, ...]


class Layer(nn.Module):
    """One layer that reads forwards: (seq_len, batch, inputs) → (seq_len, batch, hidden).

    `way` names the method that reads a whole sequence. A family gives `start`, `project` (what does not depend on the state) and `recur`
    (what does), which `loop` and `hoisted` are made of, and faster methods of its own. `fused` is the strongest of them on the input's
    device: a method `triton` or `native`, where the family has one and it can run. `ran` names the method that read the last sequence.
    """

    ran = ""
    widest: float = math.inf  # hidden size up to which `triton` is faster than `fused`

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.inputs, self.hidden = case.input_size, case.hidden_size
        self.way = case.implementation

    def forward(self, x: Tensor) -> Tensor:
        """The whole sequence."""
        self.ran = self.strongest(x) if self.way == "fused" else self.way
        read: Callable[[Tensor], Tensor] = getattr(self, self.ran)
        return read(x)

    def strongest(self, x: Tensor) -> str:
        """The method that `fused` is for this input."""
        if hasattr(self, "triton") and self.hidden <= self.widest and kernels.run_on(x):
            return "triton"
        return "native" if hasattr(self, "native") and native.run_on(x) else "fused"

    def start(self, x: Tensor) -> State:
        """The state before the first step: (batch, …) each. x: (batch, inputs)."""
        return (x.new_zeros(len(x), self.hidden),)

    def project(self, x: Tensor) -> Tensor:
        """What the layer takes from its input alone. x: (…, inputs) → (…, projected)."""
        raise NotImplementedError

    def recur(self, p: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step. p: (batch, projected) → the output (batch, hidden) and the new state."""
        raise NotImplementedError

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step from the input: (batch, inputs) → the output and the new state."""
        return self.recur(self.project(x), state)

    def loop(self, x: Tensor) -> Tensor:
        """The formula as it is read, step by step."""
        return _each(self.step, x, self.start(x[0]))

    def hoisted(self, x: Tensor) -> Tensor:
        """The products with the input taken out of the loop: one for all steps."""
        return _each(self.recur, self.project(x), self.start(x[0]))


def _each(step: Callable[[Tensor, State], tuple[Tensor, State]], xs: Tensor, state: State) -> Tensor:
    outputs = []
    for x in xs.unbind(0):
        y, state = step(x, state)
        outputs.append(y)
    return torch.stack(outputs)


class BothWays(nn.Module):
    """One layer forwards and another backwards: (seq_len, batch, inputs) → (seq_len, batch, 2 · hidden)."""

    def __init__(self, forwards: nn.Module, backwards: nn.Module) -> None:
        super().__init__()
        self.forwards, self.backwards = forwards, backwards

    def forward(self, x: Tensor) -> Tensor:
        """Both outputs side by side."""
        return torch.cat((self.forwards(x), self.backwards(x.flip(0)).flip(0)), -1)


def ways_side_by_side(model: nn.Module, width: int, hidden: int) -> bool:
    """Whether a network that reads both ways gives the forward half first and the backward half after it, as torch's own do.
    One that mixes the two says `mixes_ways`."""
    return width == 2 * hidden and not getattr(model, "mixes_ways", False)


def deep(case: Case, layer: Callable[[Case], nn.Module]) -> nn.Sequential:
    """`layer` builds one layer, of both directions where the case has two, from a case of depth 1."""
    return nn.Sequential(*(layer(replace(case, depth=1, input_size=inputs)) for inputs in inputs_of(case)))


def directed(case: Case, layer: Callable[[Case], nn.Module]) -> nn.Sequential:
    """`layer` builds one layer of one direction from a case of depth 1."""
    return deep(case, lambda one: BothWays(layer(one), layer(one)) if case.bidirectional else layer(one))


def uniform(*weights: nn.Parameter, hidden: int) -> None:
    """torch's own start of recurrent weights: between ± 1/√hidden."""
    for weight in weights:
        nn.init.uniform_(weight, -(hidden**-0.5), hidden**-0.5)


def weight(*shape: int) -> nn.Parameter:
    """A weight still to be filled."""
    return nn.Parameter(torch.empty(shape))


def features(case: Case) -> int:
    """Features that a layer gives: of both directions, where there are two."""
    return case.hidden_size * (2 if case.bidirectional else 1)
