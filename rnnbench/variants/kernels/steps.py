"""What the kernels of one time step share: a program holds one row whole, so that it can be normalised without a second launch."""

import torch
import triton
from torch import Tensor

from rnnbench.errors import BadValue

THREADS = 32  # of a warp
LANES = 4  # of a thread, of each number of a step
WARPS = 16


def rows_of(size: int, widest: int, parts: int = 1) -> tuple[int, int]:
    """Lanes and warps of a program that holds a row of `size` channels, of `parts` numbers each that are alive at once.

    Raises BadValue for a row wider than `widest`, of which registers would spill.
    """
    if size > widest:
        raise BadValue("hidden_size", size, f"at most {widest} where implementation is triton; fused takes any")
    block = triton.next_power_of_2(size)
    return block, max(1, min(WARPS, parts * block // (THREADS * LANES)))


def state_type(dtype: torch.dtype) -> torch.dtype:
    """The format of states that pass from launch to launch through memory."""
    return torch.promote_types(dtype, torch.float32)


def added(into: Tensor, a: Tensor, b: Tensor) -> None:
    """into (…, n, m) += a (…, n, k) b (…, k, m), in one launch."""
    if into.dim() == 2:
        into.addmm_(a, b)
    else:
        into.baddbmm_(a, b)
