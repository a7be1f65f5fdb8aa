"""Shared by hand-written passes: number formats, and typed wrappers of untyped torch functions."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def run(function: Any, *arguments: Any) -> Tensor:
    """Apply an autograd Function that returns one tensor."""
    made: Tensor = function.apply(*arguments)
    return made


def once(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a backward pass that cannot be differentiated again."""
    made: Callable[..., Any] = once_differentiable(backward)
    return made


def product_type(x: Tensor) -> torch.dtype:
    """The number format of products with x: autocast's if it is on."""
    kind = x.device.type
    lowered = _knows_autocast(kind) and torch.is_autocast_enabled(kind) and x.dtype != torch.float64
    return torch.get_autocast_dtype(kind) if lowered else x.dtype


def wide_type(dtype: torch.dtype) -> torch.dtype:
    """The number format of states and sums for products in `dtype`."""
    return torch.float32 if dtype in (torch.bfloat16, torch.float16) else dtype


def exact(x: Tensor) -> AbstractContextManager[object]:
    """Turn autocast off, for a pass that sets every number format itself."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if _knows_autocast(kind) else nullcontext()


def _knows_autocast(kind: str) -> bool:
    return kind != "meta" and torch.amp.is_autocast_available(kind)
