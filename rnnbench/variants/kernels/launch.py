"""Where kernels are launched."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor

from rnnbench.variants._passes import exact


@contextmanager
def launching(x: Tensor) -> Iterator[None]:
    """Autocast off, and x's GPU the current one: Triton launches there, wherever its tensors are."""
    with exact(x), torch.cuda.device(x.device) if x.device.type == "cuda" else nullcontext():
        yield
