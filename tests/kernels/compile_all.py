"""Compiles every kernel that a train step of each variant launches, for sm_80 and sm_90, and prints what ptxas made of it as JSON.

Models run on the meta device, so that the kernels get the very arguments that the variants pass; launches stop after compilation.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime.jit import JITFunction

from rnnbench.case import Case
from rnnbench.variants import VARIANTS, kernels

USAGE = re.compile(r"REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)")
CUOBJDUMP = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
WIDEST = {"ln_lstm": kernels.WIDEST_NORM, "ln_lstm_gates": kernels.WIDEST_GATE_NORM}
FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Absent:
    """Stands where a driver would, for a GPU that is not here."""

    def __init__(self, capability: int) -> None:
        self.target = GPUTarget("cuda", capability, 32)

    def get_current_target(self) -> GPUTarget:
        return self.target

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


def usage(cubin: bytes) -> dict[str, int]:
    """Registers of a thread, and bytes of its stack and local memory, where spilled values go."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        out = subprocess.run([CUOBJDUMP, "--dump-resource-usage", file.name], check=True, capture_output=True, text=True).stdout
    (found,) = USAGE.findall(out)
    registers, stack, _, local = map(int, found)
    return {"registers": registers, "stack": stack, "local": local}


def compiled(name: str, dtype: torch.dtype, capability: int, **sizes: int) -> list[dict[str, object]]:
    """Each kernel of a variant's train step."""
    triton.runtime.driver.set_active(Absent(capability))
    made: dict[str, object] = {}
    real = JITFunction.run

    def only_compile(self, *arguments, warmup, grid, **keywords):
        kernel = real(self, *arguments, warmup=True, grid=grid, **keywords)
        made[self.__name__] = kernel
        return kernel

    JITFunction.run = only_compile
    try:
        case = Case(suite="kernels", variant=name, implementation="triton", device="cuda", depth=1, **sizes)
        model = VARIANTS[name].module(case).to("meta", dtype)
        x = torch.empty(case.seq_len, case.batch_size, case.input_size, device="meta", dtype=dtype, requires_grad=True)
        model(x).sum().backward()
    finally:
        JITFunction.run = real
    return [{"kernel": one, **about(kernel)} for one, kernel in sorted(made.items())]


def about(kernel) -> dict[str, int]:
    """Warps, shared memory, asynchronous copies and plain loads of global memory in the PTX, and what ptxas used."""
    ptx, known = kernel.asm["ptx"], kernel.metadata
    copies, loads = len(re.findall(r"cp\.async\.c[ag]\.", ptx)), ptx.count("ld.global")
    return {"warps": known.num_warps, "shared": known.shared, "copies": copies, "loads": loads, **usage(kernel.asm["cubin"])}


if __name__ == "__main__":
    names = sys.argv[1:] or sorted(name for name, one in VARIANTS.all().items() if "triton" in one.implementations)
    rows = [
        {"variant": name, "hidden_size": size, "format": form, "capability": capability, **kernel}
        for name in names
        for form, dtype in FORMATS.items()
        for capability in (80, 90)
        for size in (256, WIDEST.get(name, 1024))
        for kernel in compiled(name, dtype, capability, hidden_size=size, input_size=size)
    ]
    print(json.dumps(rows))
