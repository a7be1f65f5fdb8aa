"""What each precision switches on, and whether a device supports it.

`fp32` is IEEE: torch lets cuDNN's recurrent networks use TF32 by default, so every format states both. `bf16` and `fp16` are
autocast's, with weights in fp32; `pure_bf16` has weights, gradients, optimizer state and activations in bf16, as `model.bfloat16()` does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.device.devices import Device
from rnnbench.device.fused_bf16 import run_in_bf16
from rnnbench.errors import Unsupported


@dataclass(frozen=True, slots=True)
class Format:
    """A precision: autocast's dtype (or None), whether fp32 products may use TF32, whether to scale the loss, and the weights' dtype."""

    autocast: torch.dtype | None
    tf32: bool = False
    scaled: bool = False
    weights: torch.dtype = torch.float32

    @property
    def products(self) -> torch.dtype:
        """The dtype of the operands of matrix products."""
        return self.autocast or self.weights


FORMATS = {
    "fp32": Format(None),
    "tf32": Format(None, tf32=True),
    "bf16": Format(torch.bfloat16),
    "fp16": Format(torch.float16, scaled=True),
    "pure_bf16": Format(None, weights=torch.bfloat16),
}


@contextmanager
def in_format(name: str, device: Device) -> Iterator[Format]:
    """Set torch's precision switches and current device, and restore them. Raises Unsupported if the device lacks the precision."""
    form = FORMATS[name]
    if form.tf32 and (why := _no_tf32(device)):
        raise Unsupported(why)
    switches = _switches(form)
    before = [_read(home, attribute) for home, attribute, _ in switches]
    for home, attribute, value in switches:
        setattr(home, attribute, value)
    try:
        with device.current():
            yield form
    finally:
        for (home, attribute, _), value in zip(switches, before, strict=True):
            if value is not None:
                setattr(home, attribute, value)


def fitted(model: nn.Module, form: Format, device: Device) -> nn.Module:
    """The model on the device with weights in the format's dtype. Fused networks run in true bf16 where autocast would use fp16."""
    if form.weights is not torch.float32:
        model = model.to(form.weights)
    if form.autocast is torch.bfloat16 and device.torch.type == "cuda":
        run_in_bf16(model)
    return model.to(device.torch)


def moved(data: Tensor, form: Format, device: Device) -> Tensor:
    """Inputs on the device, with floats in the weights' dtype."""
    cast = data.is_floating_point() and form.weights is not torch.float32
    return data.to(device.torch, form.weights) if cast else data.to(device.torch)


def autocast(form: Format, device: Device) -> torch.autocast:
    """autocast for the format, disabled if the format does not use it."""
    return torch.autocast(device.torch.type, dtype=form.autocast or torch.bfloat16, enabled=form.autocast is not None)


def _no_tf32(device: Device) -> str:
    """Why the device has no TF32; empty if it has."""
    if device.torch.type != "cuda":
        return f"TF32 is a format of NVIDIA's tensor cores; {device.name} has none"
    capability = torch.cuda.get_device_capability(device.torch)
    return "" if capability >= (8, 0) else f"TF32 needs compute capability 8.0; this GPU has {capability[0]}.{capability[1]}"


def _read(home: Any, attribute: str) -> Any:
    """A setting; None if torch refuses to read it because old and new settings contradict each other."""
    try:
        return getattr(home, attribute)
    except RuntimeError:
        return None


def _switches(form: Format) -> list[tuple[Any, str, Any]]:
    """Every global that decides how fp32 products are computed: (module, attribute, value), in the order in which they are set.

    The old settings are set before the new ones of torch 2.9. In this order torch lets both be read, which torch.compile's autotuning and
    cudnn.flags() do. In bf16, cuDNN's fp32 products may use TF32, because its recurrent networks otherwise run without tensor cores.
    """
    backends: Any = torch.backends  # not typed
    by_cudnn = form.tf32 or form.products is torch.bfloat16
    old = [(backends.cuda.matmul, "allow_tf32", form.tf32), (backends.cudnn, "allow_tf32", by_cudnn)]
    if not hasattr(backends.cudnn, "rnn"):
        return old
    chosen = {False: "ieee", True: "tf32"}
    cudnn = [(home, "fp32_precision", chosen[by_cudnn]) for home in (backends.cudnn.rnn, backends.cudnn.conv)]
    cpu = [(home, "fp32_precision", "ieee") for home in (backends.mkldnn.matmul, backends.mkldnn.rnn, backends.mkldnn.conv)]
    return [*old, (backends.cuda.matmul, "fp32_precision", chosen[form.tf32]), *cudnn, *cpu]
