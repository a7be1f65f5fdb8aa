"""Number formats: what `fp32`, `tf32`, `bf16` and `fp16` switch on, and whether a device can.

`fp32` is IEEE: torch lets cuDNN's recurrent networks use TF32 by default, so every format states both.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from rnnbench.errors import Unsupported
from rnnbench.measure.devices import Device


@dataclass(frozen=True, slots=True)
class Format:
    """A precision: autocast's type or none, whether fp32 products may use TF32, whether gradients need a loss scale."""

    autocast: torch.dtype | None
    tf32: bool = False
    scaled: bool = False


FORMATS = {
    "fp32": Format(None),
    "tf32": Format(None, tf32=True),
    "bf16": Format(torch.bfloat16),
    "fp16": Format(torch.float16, scaled=True),
}


@contextmanager
def in_format(name: str, device: Device) -> Iterator[Format]:
    """Set the process to a precision and back. Raises Unsupported where the device lacks it."""
    form = FORMATS[name]
    if form.tf32 and (why := _no_tf32(device)):
        raise Unsupported(why)
    switches = _switches(form.tf32)
    before = [getattr(home, attribute) for home, attribute, _ in switches]
    for home, attribute, value in switches:
        setattr(home, attribute, value)
    try:
        yield form
    finally:
        for (home, attribute, _), value in zip(switches, before, strict=True):
            setattr(home, attribute, value)


def autocast(form: Format, device: Device) -> torch.autocast:
    """autocast for the format, disabled where it has no lower type."""
    return torch.autocast(device.torch.type, dtype=form.autocast or torch.bfloat16, enabled=form.autocast is not None)


def _no_tf32(device: Device) -> str:
    """Why the device has no TF32, or nothing."""
    if device.torch.type != "cuda":
        return f"TF32 is a format of NVIDIA's tensor cores; {device.name} has none"
    capability = torch.cuda.get_device_capability(device.torch)
    return "" if capability >= (8, 0) else f"TF32 needs compute capability 8.0; this GPU has {capability[0]}.{capability[1]}"


def _switches(tf32: bool) -> list[tuple[Any, str, Any]]:
    """Every global that decides how fp32 products are computed: (module, attribute, value)."""
    backends: Any = torch.backends  # the per-operator settings came with torch 2.9 and are not typed
    if hasattr(backends.cudnn, "rnn"):  # old and new settings must not be mixed
        chosen = "tf32" if tf32 else "ieee"
        gpu = [(home, "fp32_precision", chosen) for home in (backends.cuda.matmul, backends.cudnn.rnn, backends.cudnn.conv)]
        cpu = [(home, "fp32_precision", "ieee") for home in (backends.mkldnn.matmul, backends.mkldnn.rnn, backends.mkldnn.conv)]
        return gpu + cpu
    return [(backends.cuda.matmul, "allow_tf32", tf32), (backends.cudnn, "allow_tf32", tf32)]
