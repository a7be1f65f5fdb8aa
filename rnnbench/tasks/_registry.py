"""What a task is, and the table of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnbench.case import Case
from rnnbench.registry import Registry

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Batch = tuple["Tensor", "Tensor"]


@dataclass(frozen=True, slots=True)
class Task:
    """A source of batches on the CPU: `inputs(case, generator)` is (seq_len, batch_size, input_size), `targets` fits an output's
    shape, `loss(output, target)` is a scalar. Where it asks for `classes`, a linear layer to so many stands on top of the variant."""

    name: str
    about: str
    inputs: Callable[[Case, "torch.Generator"], "Tensor"]
    targets: Callable[["torch.Size", "torch.Generator"], "Tensor"]
    loss: Callable[["Tensor", "Tensor"], "Tensor"]
    classes: int | None = None


TASKS: Registry[Task] = Registry("task", "rnnbench.tasks")
