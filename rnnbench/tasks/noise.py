"""Random tensors: quick to make, and as expensive to compute on as real data of the same shape."""

import torch
from torch import Generator, Size, Tensor
from torch.nn.functional import mse_loss

from rnnbench.case import Case
from rnnbench.tasks._registry import TASKS, Task


def inputs(case: Case, generator: Generator) -> Tensor:
    """Normal noise of (seq_len, batch_size, input_size)."""
    return torch.randn(case.seq_len, case.batch_size, case.input_size, generator=generator)


def targets(shape: Size, generator: Generator) -> Tensor:
    """Normal noise of the output's shape."""
    return torch.randn(shape, generator=generator)


def loss(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, in fp32 whatever the output's precision."""
    return mse_loss(output.float(), target)


TASKS.add("random", Task("random", "normal noise in and out, squared error", inputs, targets, loss))
