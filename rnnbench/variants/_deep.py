"""Stacked layers, for families without a fused torch module."""

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

    `way` names the method that reads a whole sequence. A family defines `start`, `project` (the part that does not depend on the state)
    and `recur` (the part that does), from which `loop` and `hoisted` are built, and faster methods of its own. `fused` is the fastest on
    the input's device: a method `triton` or `native`, if the family has one and it can run. `ran` names the method that read the last
    sequence.
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
        """The name of the method that `fused` uses for this input."""
        if hasattr(self, "triton") and self.hidden <= self.widest and kernels.run_on(x):
            return "triton"
        return "native" if hasattr(self, "native") and native.run_on(x) else "fused"

    def start(self, x: Tensor) -> State:
        """The state before the first step: (batch, …) each. x: (batch, inputs)."""
        return (x.new_zeros(len(x), self.hidden),)

    def project(self, x: Tensor) -> Tensor:
        """The part that depends on the input alone. x: (…, inputs) → (…, projected)."""
        raise NotImplementedError

    def recur(self, p: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step. p: (batch, projected) → the output (batch, hidden) and the new state."""
        raise NotImplementedError

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step from the input: (batch, inputs) → the output and the new state."""
        return self.recur(self.project(x), state)

    def loop(self, x: Tensor) -> Tensor:
        """The formula as written, step by step."""
        return _each(self.step, x, self.start(x[0]))

    def hoisted(self, x: Tensor) -> Tensor:
        """The input products are taken out of the loop: one product for all steps."""
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
        """Both outputs, concatenated."""
        return torch.cat((self.forwards(x), self.backwards(x.flip(0)).flip(0)), -1)


def ways_side_by_side(model: nn.Module, width: int, hidden: int) -> bool:
    """Whether a bidirectional network outputs the forward half and then the backward half, as torch's own do.
    A network that mixes the two sets `mixes_ways`."""
    return width == 2 * hidden and not getattr(model, "mixes_ways", False)


def deep(case: Case, layer: Callable[[Case], nn.Module]) -> nn.Sequential:
    """A stack of layers. `layer` builds one layer from a case of depth 1; it handles both directions itself."""
    return nn.Sequential(*(layer(replace(case, depth=1, input_size=inputs)) for inputs in inputs_of(case)))


def directed(case: Case, layer: Callable[[Case], nn.Module]) -> nn.Sequential:
    """A stack of layers in one or both directions. `layer` builds one layer of one direction from a case of depth 1."""
    return deep(case, lambda one: BothWays(layer(one), layer(one)) if case.bidirectional else layer(one))


def uniform(*weights: nn.Parameter, hidden: int) -> None:
    """Initialise weights as torch's recurrent modules do: uniform between ± 1/√hidden."""
    for weight in weights:
        nn.init.uniform_(weight, -(hidden**-0.5), hidden**-0.5)


def weight(*shape: int) -> nn.Parameter:
    """An uninitialised weight."""
    return nn.Parameter(torch.empty(shape))


def features(case: Case) -> int:
    """Output features of a layer, both directions together."""
    return case.hidden_size * (2 if case.bidirectional else 1)
