"""The network of a case: its variant, plus a linear read-out if the task has classes."""

from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.device import torch_state
from rnnbench.tasks import TASKS
from rnnbench.variants import VARIANTS, kernels, native
from rnnbench.variants._deep import Layer

_COMPILERS = {"triton": kernels.compiler, "native": native.compiler}
PROBED = {"seq_len": 2, "batch_size": 1}  # two steps: a translation has a source and a target


class Answering(nn.Module):
    """(seq_len, batch, input_size) → (seq_len, batch, classes)."""

    def __init__(self, body: nn.Module, features: int, classes: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        """The variant's output through the linear layer."""
        answers: Tensor = self.head(output_of(self.body(x)))
        return answers


def network(case: Case, notes: list[str] | None = None) -> nn.Module:
    """The network of a case, on torch's default device. Raises Unsupported for a case that the variant cannot build. Global torch
    settings that the builder changed are restored and added to `notes`."""
    body = body_of(case, notes)
    classes = _classes(case)
    return body if classes is None else Answering(body, features(case), classes)


def body_of(case: Case, notes: list[str] | None = None) -> nn.Module:
    """The variant alone, without the read-out."""
    with torch_state.building([] if notes is None else notes, case.variant):
        return VARIANTS[case.variant].module(case)


def features(case: Case) -> int:
    """Output features of the variant per step, from a short sequence of meta tensors."""
    with torch.no_grad():
        for device in ("meta", "cpu"):
            try:
                body = on_meta(lambda: body_of(case)) if device == "meta" else body_of(case)
                x = torch.zeros(PROBED["seq_len"], PROBED["batch_size"], case.input_size, device=device)
                return int(output_of(body(x)).shape[-1])
            except NotImplementedError:  # packed weights have no form without numbers
                if device == "cpu":
                    raise
    raise AssertionError


def head_flops(case: Case) -> int:
    """FLOPs of the read-out in a forward pass; 0 if there is none."""
    classes = _classes(case)
    return 0 if classes is None else 2 * case.seq_len * case.batch_size * features(case) * classes


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """A module without storage."""
    with torch.device("meta"):
        return build()


def forms_run(model: nn.Module) -> list[str]:
    """A sentence for each form in which layers ran that differs from the case's, because `fused` is the fastest form on the device.

    On a GPU, if kernels would be that form but did not run, the reason.
    """
    layers = [part for part in model.modules() if isinstance(part, Layer) and part.ran]
    count = Counter((layer.way, layer.ran) for layer in layers if layer.ran != layer.way)
    sentences = [
        f"{way} ran as {ran} in {number} of {len(layers)} layers, compiled by {_COMPILERS[ran]()}"
        for (way, ran), number in sorted(count.items())
    ]
    device = next((weight.device for weight in model.parameters() if weight.device.type == "cuda"), None)
    plain = device is not None and any(layer.ran == "fused" and hasattr(layer, "triton") for layer in layers)
    if plain and device is not None and (why := kernels.held_back(device)):
        sentences.append(f"fused ran without kernels: {why}")
    return sentences


def output_of(result: Tensor | tuple[Tensor, ...]) -> Tensor:
    """The output sequence of a module's result: itself, or the first of a tuple."""
    first = result[0] if isinstance(result, tuple | list) and result else result
    if not isinstance(first, Tensor):
        raise TypeError(f"a variant must return a tensor, or a tuple that starts with one, not {type(first).__name__}")
    return first


def _classes(case: Case) -> int | None:
    return TASKS[case.task].classes if case.task in TASKS else None
