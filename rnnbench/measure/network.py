"""The network of a case: its variant, and the linear layer that the task puts on top where it asks for classes."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.tasks import TASKS
from rnnbench.variants import VARIANTS

PROBED = {"seq_len": 2, "batch_size": 1}  # two steps: a translation has a source and a target


class Answering(nn.Module):
    """(seq_len, batch, input_size) → (seq_len, batch, classes)."""

    def __init__(self, body: nn.Module, features: int, classes: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        """What the variant gives, through the linear layer."""
        answers: Tensor = self.head(output_of(self.body(x)))
        return answers


def network(case: Case) -> nn.Module:
    """On the CPU, or where torch's default device is. Raises Unsupported for what the variant cannot."""
    body = VARIANTS[case.variant].module(case)
    classes = _classes(case)
    return body if classes is None else Answering(body, features(case), classes)


def features(case: Case) -> int:
    """Features that the variant gives at each step, from a short sequence of meta tensors."""
    body = on_meta(lambda: VARIANTS[case.variant].module(case))
    with torch.no_grad():
        return int(output_of(body(torch.empty(PROBED["seq_len"], PROBED["batch_size"], case.input_size, device="meta"))).shape[-1])


def head_flops(case: Case) -> int:
    """FLOPs of the linear layer on top in a forward pass; 0 where there is none."""
    classes = _classes(case)
    return 0 if classes is None else 2 * case.seq_len * case.batch_size * features(case) * classes


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """A module without storage."""
    with torch.device("meta"):
        return build()


def output_of(result: Tensor | tuple[Tensor, ...]) -> Tensor:
    """The output sequence of a module's result: itself, or the first of a tuple."""
    first = result[0] if isinstance(result, tuple | list) and result else result
    if not isinstance(first, Tensor):
        raise TypeError(f"a variant returns a tensor or a tuple that starts with one, not {type(first).__name__}")
    return first


def _classes(case: Case) -> int | None:
    return TASKS[case.task].classes if case.task in TASKS else None
