"""A device's ceilings: matrix products in each precision, copies, dispatch. Measured in a process that may touch the device."""

from collections.abc import Callable, Iterator
from statistics import median

import torch
from torch import Tensor

from rnnbench.case import PRECISIONS
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import FORMATS, in_format
from rnnbench.errors import Unsupported
from rnnbench.roofline import Ceilings

SIZES = (256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)  # the best rate counts, whichever size it is reached at
SHAPES = ((1, 1, 1), (4, 0.5, 0.5))  # rows, inner, columns, in sizes: square, and tall as a layer's product with all its steps is
LONG_S = 0.03  # a product that takes longer is of the last size of its precision
REPEATS, LEAST_S = 5, 0.01  # calls of a product, and the seconds of them at least: a short call's quickest is found among many
MOST_CALLS = 100
COPY_BYTES = 128 * 2**20  # beyond any cache
COPY_SHARE = 16  # of the free memory, at most a sixteenth for each of two buffers
COPIES_AT_ONCE = 20  # on an accelerator: waiting for each would be a part of its time
TINY_CALLS = 1000


def measure(device_name: str) -> Ceilings:
    """All ceilings of a device, in a few seconds. What cannot be had is absent with its reason."""
    device = Device(device_name)
    rates: dict[str, float] = {}
    absent: dict[str, str] = {}
    for precision in PRECISIONS:
        try:
            rates[precision] = products_per_s(precision, device)
        except (Unsupported, RuntimeError, NotImplementedError) as error:
            absent[precision] = str(error).splitlines()[0]
    with device.current():
        copied, launched_s = copy_bytes_per_s(device), launch_s(device)
    return Ceilings(device=device_name, flops_per_s=rates, copy_bytes_per_s=copied, launch_s=launched_s, absent=absent)


def products_per_s(precision: str, device: Device) -> float:
    """FLOP/s of the fastest product, of many sizes and a few shapes. Raises Unsupported where the device lacks the precision."""
    best = 0.0
    clock = Clock(device)
    with in_format(precision, device), torch.no_grad():
        dtype = FORMATS[precision].products
        for size in SIZES:
            slowest_s = 0.0
            for shape in SHAPES:
                rows, inner, columns = (int(size * part) for part in shape)
                took_s = min(_shortest_s(call, clock) for call in _products(rows, inner, columns, dtype, device))
                best = max(best, 2 * rows * inner * columns / took_s)
                slowest_s = max(slowest_s, took_s)
                if took_s > 2 * LONG_S:
                    break
            if slowest_s > LONG_S:
                break
    return best


def _products(rows: int, inner: int, columns: int, dtype: torch.dtype, device: Device) -> Iterator[Callable[[], object]]:
    """The ways that torch has of a product: its own, and on a CPU oneDNN's, which fused layers use."""
    a, b = torch.randn(rows, inner).to(device.torch, dtype), torch.randn(inner, columns).to(device.torch, dtype)
    out = torch.empty(rows, columns, dtype=dtype, device=device.torch)
    yield lambda: torch.mm(a, b, out=out)
    if device.is_cpu and torch.backends.mkldnn.is_available() and dtype in (torch.float32, torch.bfloat16):
        weight = b.t().contiguous()
        yield lambda: _by_onednn(a, weight)


def _by_onednn(a: Tensor, weight: Tensor) -> object:
    return torch.ops.mkldnn._linear_pointwise(a, weight, None, "none", [], "")  # noqa: SLF001 - what torch.compile's own CPU code calls


def copy_bytes_per_s(device: Device) -> float:
    """Bytes read and written each second by a copy too large for any cache."""
    free = device.free_bytes()
    source = torch.ones(min(COPY_BYTES, (free or COPY_BYTES * COPY_SHARE) // COPY_SHARE), dtype=torch.uint8, device=device.torch)
    target, many = torch.empty_like(source), 1 if device.is_cpu else COPIES_AT_ONCE

    def copies() -> None:
        for _ in range(many):
            target.copy_(source)

    return 2 * many * source.nbytes / min(_shortest_s(copies, Clock(device)) for _ in range(REPEATS))


def launch_s(device: Device) -> float:
    """Seconds to hand one operator to the device, when many follow each other: of an addition to a single number."""
    one, clock = torch.zeros(1, device=device.torch), Clock(device)

    def burst() -> float:
        before = clock()
        for _ in range(TINY_CALLS):
            one.add_(1)
        return (clock() - before) / TINY_CALLS

    burst()
    return median(burst() for _ in range(REPEATS))


def _shortest_s(call: Callable[[], object], clock: Clock) -> float:
    """The quickest of some calls, after one that does not count; of long calls a few will do."""
    best, spent_s = float("inf"), 0.0
    for number in range(MOST_CALLS):
        before = clock()
        call()
        took_s = clock() - before
        if number:
            best, spent_s = min(best, took_s), spent_s + took_s
        if took_s > 5 * LONG_S:  # so slow that repeating it would take the whole time
            return min(best, took_s)
        if (number >= REPEATS and spent_s >= LEAST_S) or (number >= 2 and took_s > LONG_S):
            break
    return best
