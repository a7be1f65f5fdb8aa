"""Counting operators on a CPU as CUDA dispatches them: there cuDNN runs a whole GRU or Elman network, which a CPU runs step by step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

FUNCTIONS = ("gru", "rnn_tanh", "rnn_relu")  # of torch._VF; an LSTM is one operator on both devices


class _OneOperator(torch.autograd.Function):
    """Outputs as torch computes them, gradients of the right shapes, and one counted operator each way."""

    @staticmethod
    def forward(ctx: Any, call: Callable[..., Any], x: Tensor, hx: Tensor, *weights: Tensor) -> Any:
        """The network's output and final state."""
        torch.empty(0)  # this is counted
        with _disable_current_modes():
            ctx.save_for_backward(x, hx, *weights)
            return call(x, hx, list(weights))

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        """Zeros for the input, the initial state and every weight."""
        torch.empty(0)
        with _disable_current_modes():
            return (None, *(torch.zeros_like(tensor) for tensor in ctx.saved_tensors))


@contextmanager
def cudnn_counts() -> Iterator[None]:
    """In this context torch's GRU and Elman networks count as one operator, and their gradients are zeros."""
    own = {name: getattr(torch._VF, name) for name in FUNCTIONS}  # noqa: SLF001 - where torch's modules look their functions up
    try:
        for name, call in own.items():
            setattr(torch._VF, name, _counted_once(call))  # noqa: SLF001
        yield
    finally:
        for name, call in own.items():
            setattr(torch._VF, name, call)  # noqa: SLF001


def _counted_once(own: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Tensor, *rest: Any) -> Any:
        if isinstance(rest[1], Tensor):  # a packed sequence: data, lengths, state, weights
            return own(x, *rest)
        hx, weights, *options = rest
        return _OneOperator.apply(lambda x, hx, weights: own(x, hx, weights, *options), x, hx, *weights)  # type: ignore[no-untyped-call]

    return call
