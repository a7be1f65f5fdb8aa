"""The context for launching kernels."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor

from rnnbench.variants._passes import exact


@contextmanager
def launching(x: Tensor) -> Iterator[None]:
    """Turn autocast off and make x's GPU the current device, because Triton launches on the current device."""
    with exact(x), torch.cuda.device(x.device) if x.device.type == "cuda" else nullcontext():
        yield
