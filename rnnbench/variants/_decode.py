"""Step-by-step decoding: the interface of a module that reads a stream, and decoders built from layers that have a step.

A module may implement it itself: `begin(batch_size) -> state` and `advance(x, state) -> (y, state)`, with x (batch, input_size) and y
(batch, features). A module that wraps others may offer `stream(name)` instead, which returns an object with these two methods.
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
CELLS: dict[str, tuple[Cell, int]] = {  # torch's cell, and the number of tensors in its state
    "LSTM": (torch.lstm_cell, 2),
    "GRU": (torch.gru_cell, 1),
    "RNN_TANH": (torch.rnn_tanh_cell, 1),
    "RNN_RELU": (torch.rnn_relu_cell, 1),
}


@runtime_checkable
class Streaming(Protocol):
    """Reads a stream one step at a time."""

    def begin(self, batch_size: int) -> Any:
        """The state before the first step."""

    def advance(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One step: (batch, input_size) → (batch, features), and the new state."""


@runtime_checkable
class Streamed(Protocol):
    """A module that can build its own step-by-step decoder."""

    def stream(self, name: str) -> Streaming:
        """The decoder. Raises Unsupported, with the reason, if there is none."""


class Cells:
    """torch's fused network as a chain of cells that share its weights."""

    def __init__(self, network: nn.RNNBase) -> None:
        cell, self._states = CELLS[network.mode]
        self._hidden = network.hidden_size
        self._layers: list[tuple[Cell, Sequence[Tensor]]] = [(cell, weights) for weights in network.all_weights]
        self._like = network.all_weights[0][0]
        self._cast: dict[torch.dtype, list[tuple[Cell, Sequence[Tensor]]]] = {self._like.dtype: self._layers}

    def begin(self, batch_size: int) -> list[Any]:
        """A zero state per layer: a tensor, or h and c."""
        zeros = self._like.new_zeros(batch_size, self._hidden)
        return [zeros if self._states == 1 else (zeros,) * self._states for _ in self._layers]

    def advance(self, x: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """Run one cell after another."""
        after = []
        for (cell, weights), before in zip(self._in(product_type(x)), state, strict=True):
            now = cell(x, before, *weights)
            after.append(now)
            x = now if self._states == 1 else now[0]
        return x, after

    def _in(self, dtype: torch.dtype) -> list[tuple[Cell, Sequence[Tensor]]]:
        """The layers with weights cast to `dtype` once: autocast would cast them again at each step."""
        if dtype not in self._cast:
            self._cast[dtype] = [(cell, [weight.to(dtype) for weight in weights]) for cell, weights in self._layers]
        return self._cast[dtype]


class Steps:
    """Decoding with the step function of an unrolled network."""

    def __init__(self, network: Unrolled) -> None:
        self._step: Step = network.step
        self._states, self._hidden = network.states, network.weights.hidden_size
        self._layers = network.weights.all_weights

    def begin(self, batch_size: int) -> list[State]:
        """A zero state per layer."""
        zeros = self._layers[0][0].new_zeros(batch_size, self._hidden)
        return [(zeros,) * self._states for _ in self._layers]

    def advance(self, x: Tensor, state: list[State]) -> tuple[Tensor, list[State]]:
        """Run one step of each layer."""
        after = []
        for weights, before in zip(self._layers, state, strict=True):
            now = self._step(x, before, weights)
            after.append(now)
            x = now[0]
        return x, after


class One:
    """Decoding with one `Layer`."""

    def __init__(self, layer: Layer) -> None:
        self._layer, self._like = layer, next(layer.parameters())

    def begin(self, batch_size: int) -> State:
        """The layer's initial state."""
        return self._layer.start(self._like.new_zeros(batch_size, self._layer.inputs))

    def advance(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run the layer's step."""
        return self._layer.step(x, state)


class Chain:
    """Decoding with several parts, one after another."""

    def __init__(self, parts: Sequence[Streaming]) -> None:
        self._parts = parts

    def begin(self, batch_size: int) -> list[Any]:
        """The initial state of each part."""
        return [part.begin(batch_size) for part in self._parts]

    def advance(self, x: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """Run one step of each part."""
        after = []
        for part, before in zip(self._parts, state, strict=True):
            x, now = part.advance(x, before)
            after.append(now)
        return x, after


class Each:
    """Decoding with a module that needs only the current step."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def begin(self, batch_size: int) -> tuple[()]:
        """An empty state."""
        del batch_size
        return ()

    def advance(self, x: Tensor, state: tuple[()]) -> tuple[Tensor, tuple[()]]:
        """Apply the module to the step."""
        return self._module(x), state


class Around:
    """Decoding of a wrapped part: `join(x, y)` combines the input x with the inner output y."""

    def __init__(self, inner: Streaming, join: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._inner, self._join = inner, join

    def begin(self, batch_size: int) -> Any:
        """The inner state."""
        return self._inner.begin(batch_size)

    def advance(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run the inner part's step and join its output with the input."""
        y, state = self._inner.advance(x, state)
        return self._join(x, y), state


def streaming(model: nn.Module, name: str) -> Streaming:
    """The fastest step-by-step decoder of `model`, of the variant `name`. Raises Unsupported, with the reason, if there is none."""
    if isinstance(model, Streaming):
        return cast("Streaming", model)
    if isinstance(model, Streamed):
        return cast("Streamed", model).stream(name)
    network = model.weights if isinstance(model, Unrolled) else model
    if isinstance(network, nn.RNNBase):
        if network.bidirectional:
            raise Unsupported(f"{name} is bidirectional: it cannot decode before the last input")
        return Steps(model) if isinstance(model, Unrolled) else Cells(network)
    if isinstance(model, Layer):
        return One(model)
    if isinstance(model, nn.Sequential) and len(model):
        return Chain([streaming(part, name) for part in model])
    raise Unsupported(f"{name} has no step-by-step form: give its module begin(batch_size) and advance(x, state)")


def numbers(state: Any) -> list[Tensor]:
    """Every tensor in a nested state; for a cache, its current content."""
    if isinstance(state, Tensor):
        return [state]
    if isinstance(state, Cache | Place):
        return list(state.held())
    return [tensor for part in state for tensor in numbers(part)] if isinstance(state, list | tuple) else []


def places(state: Any) -> list[Cache | Place]:
    """The parts of a state that know their position in the stream and can be moved to another step."""
    if isinstance(state, Cache | Place):
        return [state]
    return [one for part in state for one in places(part)] if isinstance(state, list | tuple) else []


def is_steady(before: Any, after: Any) -> bool:
    """Whether a state keeps its size over a step, and consists only of tensors and of parts that can be moved."""
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        return len(before) == len(after) and all(map(is_steady, before, after))
    if isinstance(before, Tensor) and isinstance(after, Tensor):
        return before.shape == after.shape
    return isinstance(before, Cache | Place)
