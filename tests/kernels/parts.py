"""What the tests of kernels share: Triton under its interpreter, and a count of the bytes and launches of what runs in it."""

import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

if importlib.util.find_spec("triton") is None:
    pytest.skip("needs Triton: pip install 'rnnbench[kernels]', or tox -e kernels", allow_module_level=True)
if "triton" in sys.modules and os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("other tests have loaded Triton without its interpreter: tox -e kernels", allow_module_level=True)
os.environ["TRITON_INTERPRET"] = "1"  # before any kernel is imported

from torch.utils._python_dispatch import TorchDispatchMode
from triton.runtime import interpreter

from rnnbench.measure.workload import output_of
from rnnbench.variants import VARIANTS
from tests.variants.parts import built, input_for

KERNELS = sorted(name for name, one in VARIANTS.all().items() if "triton" in one.implementations)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """`launches` of kernels, and `loaded` and `stored` bytes: what every program's masks let through."""
    count: Counter[str] = Counter()
    builder, run = interpreter.InterpreterBuilder, interpreter.InterpretedFunction.run
    load, store = builder.create_masked_load, builder.create_masked_store

    def item_bytes(pointers) -> int:
        return pointers.get_element_ty().primitive_bitwidth // 8

    def loading(self, pointers, mask, *rest):
        count["loaded"] += int(mask.data.sum()) * item_bytes(pointers)
        return load(self, pointers, mask, *rest)

    def storing(self, pointers, value, mask, *rest):
        count["stored"] += int(mask.data.sum()) * item_bytes(pointers)
        return store(self, pointers, value, mask, *rest)

    def launched(self, *arguments, **keywords):
        count["launches"] += 1
        with torch.utils._python_dispatch._disable_current_modes():  # what the interpreter calls is no launch of its own
            return run(self, *arguments, **keywords)

    builder.create_masked_load, builder.create_masked_store, interpreter.InterpretedFunction.run = loading, storing, launched
    try:
        yield count
    finally:
        builder.create_masked_load, builder.create_masked_store, interpreter.InterpretedFunction.run = load, store, run


class Products(TorchDispatchMode):
    """Counts torch's operators that compute or copy; views and allocations launch nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        free = function.is_view or function.overloadpacket.__name__.startswith(("empty", "new_empty", "_to_copy", "detach", "_unsafe_view"))
        self.count += not free
        return made


def off(exact: list[torch.Tensor], found: list[torch.Tensor]) -> float:
    """The largest distance of a result, in norm, over the norm of the exact one."""
    return max(float((a - b.to(a.dtype)).norm() / a.norm().clamp(min=1e-6)) for a, b in zip(exact, found, strict=True))


def stored(name: str, way: str, fields: dict, dtype: torch.dtype) -> list[torch.Tensor]:
    """Output and gradients from weights, inputs and a gradient of the output that `dtype` holds; the loop computes in float64."""
    model, x = built(name, way, fields, dtype=dtype), input_for(fields, dtype)
    if way == "loop":
        model, x = model.double(), x.double()
    x.requires_grad_()
    output = output_of(model(x))
    towards = torch.sin(torch.arange(output.numel(), dtype=torch.float64)).view(output.shape).to(dtype)
    output.backward(towards.to(output.dtype))
    return [output.detach(), x.grad, *(p.grad for p in model.parameters())]
