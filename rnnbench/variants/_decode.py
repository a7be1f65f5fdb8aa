"""One step at a time: what a module needs to be read from a stream, and how that is made of the layers that have a step.

A module may offer it itself: `begin(batch_size) -> state` and `advance(x, state) -> (y, state)`, with x (batch, input_size) and y
(batch, features). One that stands around others may offer `stream(name)` instead, which gives what has these two.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from rnnbench.errors import Unsupported
from rnnbench.variants._deep import Layer
from rnnbench.variants._memory import Cache, Place
from rnnbench.variants._passes import product_type
from rnnbench.variants._stack import State, Step, Unrolled

Cell = Callable[..., Any]
CELLS: dict[str, tuple[Cell, int]] = {  # torch's cell, and how many tensors its state has
    "LSTM": (torch.lstm_cell, 2),
    "GRU": (torch.gru_cell, 1),
    "RNN_TANH": (torch.rnn_tanh_cell, 1),
    "RNN_RELU": (torch.rnn_relu_cell, 1),
}


@runtime_checkable
class Streaming(Protocol):
    """What reads a stream."""

    def begin(self, batch_size: int) -> Any:
        """The state before the first step."""

    def advance(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One step: (batch, input_size) → (batch, features), and the new state."""


@runtime_checkable
class Streamed(Protocol):
    """What stands around something that reads a stream."""

    def stream(self, name: str) -> Streaming:
        """How it reads one. Raises Unsupported with why it cannot."""


class Cells:
    """torch's fused network as a chain of its cells, on the very weights, which are looked up once."""

    def __init__(self, network: nn.RNNBase) -> None:
        cell, self._states = CELLS[network.mode]
        self._hidden = network.hidden_size
        self._layers: list[tuple[Cell, Sequence[Tensor]]] = [(cell, weights) for weights in network.all_weights]
        self._like = network.all_weights[0][0]
        self._cast: dict[torch.dtype, list[tuple[Cell, Sequence[Tensor]]]] = {self._like.dtype: self._layers}

    def begin(self, batch_size: int) -> list[Any]:
        """Zeros for each layer: a tensor, or h and c."""
        zeros = self._like.new_zeros(batch_size, self._hidden)
        return [zeros if self._states == 1 else (zeros,) * self._states for _ in self._layers]

    def advance(self, x: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """A cell after another."""
        after = []
        for (cell, weights), before in zip(self._in(product_type(x)), state, strict=True):
            now = cell(x, before, *weights)
            after.append(now)
            x = now if self._states == 1 else now[0]
        return x, after

    def _in(self, dtype: torch.dtype) -> list[tuple[Cell, Sequence[Tensor]]]:
        """The layers with weights of the products' number format: autocast would cast them anew at each step."""
        if dtype not in self._cast:
            self._cast[dtype] = [(cell, [weight.to(dtype) for weight in weights]) for cell, weights in self._layers]
        return self._cast[dtype]


class Steps:
    """An unrolled network, by the step that it is unrolled of."""

    def __init__(self, network: Unrolled) -> None:
        self._step: Step = network.step
        self._states, self._hidden = network.states, network.weights.hidden_size
        self._layers = network.weights.all_weights

    def begin(self, batch_size: int) -> list[State]:
        """Zeros for each layer."""
        zeros = self._layers[0][0].new_zeros(batch_size, self._hidden)
        return [(zeros,) * self._states for _ in self._layers]

    def advance(self, x: Tensor, state: list[State]) -> tuple[Tensor, list[State]]:
        """A step of each layer."""
        after = []
        for weights, before in zip(self._layers, state, strict=True):
            now = self._step(x, before, weights)
            after.append(now)
            x = now[0]
        return x, after


class One:
    """A layer that has a step."""

    def __init__(self, layer: Layer) -> None:
        self._layer, self._like = layer, next(layer.parameters())

    def begin(self, batch_size: int) -> State:
        """The layer's start."""
        return self._layer.start(self._like.new_zeros(batch_size, self._layer.inputs))

    def advance(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Its step."""
        return self._layer.step(x, state)


class Chain:
    """One after another."""

    def __init__(self, parts: Sequence[Streaming]) -> None:
        self._parts = parts

    def begin(self, batch_size: int) -> list[Any]:
        """Each part's start."""
        return [part.begin(batch_size) for part in self._parts]

    def advance(self, x: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """A step of each part."""
        after = []
        for part, before in zip(self._parts, state, strict=True):
            x, now = part.advance(x, before)
            after.append(now)
        return x, after


class Each:
    """A module that looks at one step alone."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def begin(self, batch_size: int) -> tuple[()]:
        """Nothing is kept."""
        del batch_size
        return ()

    def advance(self, x: Tensor, state: tuple[()]) -> tuple[Tensor, tuple[()]]:
        """The module on the step."""
        return self._module(x), state


class Around:
    """`join(x, y)` of what comes in and what `inner` makes of it."""

    def __init__(self, inner: Streaming, join: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._inner, self._join = inner, join

    def begin(self, batch_size: int) -> Any:
        """The inner state."""
        return self._inner.begin(batch_size)

    def advance(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """A step of the inner part, joined with what came in."""
        y, state = self._inner.advance(x, state)
        return self._join(x, y), state


def streaming(model: nn.Module, name: str) -> Streaming:
    """How `model`, of the variant `name`, reads a stream, in its strongest form. Raises Unsupported with why it cannot."""
    if isinstance(model, Streaming):
        return cast("Streaming", model)
    if isinstance(model, Streamed):
        return cast("Streamed", model).stream(name)
    network = model.weights if isinstance(model, Unrolled) else model
    if isinstance(network, nn.RNNBase):
        if network.bidirectional:
            raise Unsupported(f"{name} is bidirectional: it cannot decode before it has seen the last input")
        return Steps(model) if isinstance(model, Unrolled) else Cells(network)
    if isinstance(model, Layer):
        return One(model)
    if isinstance(model, nn.Sequential) and len(model):
        return Chain([streaming(part, name) for part in model])
    raise Unsupported(f"{name} has no step-by-step form: give its module begin(batch_size) and advance(x, state)")


def numbers(state: Any) -> list[Tensor]:
    """Every tensor of a state, however it is nested; of a cache, what is kept in it now."""
    if isinstance(state, Tensor):
        return [state]
    if isinstance(state, Cache | Place):
        return list(state.held())
    return [tensor for part in state for tensor in numbers(part)] if isinstance(state, list | tuple) else []


def places(state: Any) -> list[Cache | Place]:
    """What of a state knows how far its stream has come, and can be moved to another step."""
    if isinstance(state, Cache | Place):
        return [state]
    return [one for part in state for one in places(part)] if isinstance(state, list | tuple) else []


def is_steady(before: Any, after: Any) -> bool:
    """Whether a state is as large after a step as before it, and holds nothing but tensors and what can be moved."""
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        return len(before) == len(after) and all(map(is_steady, before, after))
    if isinstance(before, Tensor) and isinstance(after, Tensor):
        return before.shape == after.shape
    return isinstance(before, Cache | Place)
