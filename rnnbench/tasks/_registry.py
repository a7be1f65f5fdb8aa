"""The type Task and the table of tasks."""

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
    shape, `loss(output, target)` is a scalar. If `classes` is set, a linear layer with that many outputs follows the variant."""

    name: str
    about: str
    inputs: Callable[[Case, "torch.Generator"], "Tensor"]
    targets: Callable[["torch.Size", "torch.Generator"], "Tensor"]
    loss: Callable[["Tensor", "Tensor"], "Tensor"]
    classes: int | None = None


TASKS: Registry[Task] = Registry("task", "rnnbench.tasks")
