"""Shared by the kernels of one time step: a program holds a whole row, so that it can be normalised without a second launch."""

import torch
import triton
from torch import Tensor

from rnnbench.errors import BadValue

THREADS = 32  # per warp
LANES = 4  # per thread, for each number of a step
WARPS = 16


def rows_of(size: int, widest: int, parts: int = 1) -> tuple[int, int]:
    """Lanes and warps of a program that holds a row of `size` channels with `parts` live numbers each.

    Raises BadValue for a row wider than `widest`, for which registers would spill.
    """
    if size > widest:
        raise BadValue("hidden_size", size, f"at most {widest} where implementation is triton; fused takes any")
    block = triton.next_power_of_2(size)
    return block, max(1, min(WARPS, parts * block // (THREADS * LANES)))


def state_type(dtype: torch.dtype) -> torch.dtype:
    """The number format of states that pass between launches through memory."""
    return torch.promote_types(dtype, torch.float32)


def added(into: Tensor, a: Tensor, b: Tensor) -> None:
    """into (…, n, m) += a (…, n, k) b (…, k, m), in one launch."""
    if into.dim() == 2:
        into.addmm_(a, b)
    else:
        into.baddbmm_(a, b)
