"""Triton kernels for the hand-written variants, and when they can run. Triton is imported only by the files that hold kernels.

A kernel reads and writes the format its tensors have (fp32, bf16 or fp16) and computes in fp32; float64 tensors are computed in float64.
"""

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from rnnbench.case import Case

if TYPE_CHECKING:
    import torch
    from torch import Tensor

OLDEST_TRITON = (3, 6)
OLDEST_CAPABILITY = (8, 0)  # the kernels are compiled and checked from here on
WIDEST_NORM, WIDEST_GATE_NORM = 4096, 2048  # maximum hidden sizes: a program keeps a row to be normalised in registers
VERIFIED = "Triton kernels: interpreted against the loop, compiled for capability 8.0 and 9.0, compared with the loop on an H200"
INSTALL = "pip install 'rnnbench[kernels]'"


def interpreted() -> bool:
    """Whether Triton's interpreter is on, which runs kernels on CPU tensors: slow, for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


@cache
def _lacking() -> str:
    """Why Triton cannot be used here on any device; empty if it can."""
    try:
        found = version("triton")
    except PackageNotFoundError:
        return f"Triton kernels need the package triton: {INSTALL}"
    if tuple(int(part) for part in found.split(".")[:2]) >= OLDEST_TRITON:
        return ""
    return f"Triton kernels need triton {'.'.join(map(str, OLDEST_TRITON))} or later, and {found} is installed: {INSTALL}"


def compiler() -> str:
    """The kernels' compiler and its version."""
    return f"triton {version('triton')}"


def why_not(kind: str) -> str:
    """Why kernels cannot run on a type of device (`cuda`, `cpu`, …); empty if they can."""
    if lacking := _lacking():
        return lacking
    if kind == "cuda" or interpreted():
        return ""
    return f"Triton kernels run on cuda, not on {kind}; choose another implementation"


def missing(case: Case) -> str:
    """Why a case with the `triton` implementation cannot be built; empty if it can."""
    return why_not(case.device.split(":")[0]) if case.implementation == "triton" else ""


def held_back(device: "torch.device") -> str:
    """Why `fused` does not use the kernels on a CUDA device; empty if it does."""
    import torch

    if lacking := _lacking():
        return lacking
    capability = torch.cuda.get_device_capability(device)
    if capability < OLDEST_CAPABILITY:
        return "Triton kernels need compute capability {}.{}, and {} has {}.{}".format(*OLDEST_CAPABILITY, device, *capability)
    from rnnbench.variants.kernels.check import trouble

    found: str = trouble(str(device))
    return found


def run_on(x: "Tensor") -> bool:
    """Whether kernels are the fastest form for a tensor: on CUDA if they work, except in float64 and under torch.compile."""
    import torch

    if x.device.type != "cuda" or x.dtype == torch.float64 or torch.compiler.is_compiling():
        return False
    return not held_back(x.device)
