"""The most that a device can do: matrix products in each precision, copying, dispatching. Run in a process that may touch the device."""

from collections.abc import Callable, Iterator
from statistics import median

import torch
from torch import Tensor

from rnnbench.case import PRECISIONS
from rnnbench.errors import Unsupported
from rnnbench.measure.devices import Clock, Device
from rnnbench.measure.precision import FORMATS, in_format
from rnnbench.roofline import Ceilings

SIZES = (256, 512, 1024, 2048, 4096, 8192)  # of square matrices: the best rate counts, whichever size it is reached at
LONG_S = 0.01  # a product that takes longer is the last of its precision
REPEATS = 5
COPY_BYTES = 128 * 2**20  # beyond any cache
COPY_SHARE = 16  # of the free memory, at most a sixteenth for each of two buffers
TINY_CALLS = 1000


def measure(device_name: str) -> Ceilings:
    """All ceilings of a device, in about a second. What cannot be had is absent with its reason."""
    device = Device(device_name)
    rates: dict[str, float] = {}
    absent: dict[str, str] = {}
    for precision in PRECISIONS:
        try:
            rates[precision] = products_per_s(precision, device)
        except (Unsupported, RuntimeError, NotImplementedError) as error:
            absent[precision] = str(error).splitlines()[0]
    return Ceilings(
        device=device_name, flops_per_s=rates, copy_bytes_per_s=copy_bytes_per_s(device), launch_s=launch_s(device), absent=absent
    )


def products_per_s(precision: str, device: Device) -> float:
    """FLOP/s of the fastest square product. Raises Unsupported where the device lacks the precision."""
    best = 0.0
    clock = Clock(device)
    with in_format(precision, device), torch.no_grad():
        dtype = FORMATS[precision].autocast or torch.float32
        for size in SIZES:
            took_s = min(_shortest_s(call, clock) for call in _products(size, dtype, device))
            best = max(best, 2 * size**3 / took_s)
            if took_s > LONG_S:
                break
    return best


def _products(size: int, dtype: torch.dtype, device: Device) -> Iterator[Callable[[], object]]:
    """The ways that torch has of a product: its own, and on a CPU oneDNN's, which fused layers use."""
    a, b = (torch.randn(size, size).to(device.torch, dtype) for _ in range(2))
    out = torch.empty_like(a)
    yield lambda: torch.mm(a, b, out=out)
    if device.is_cpu and torch.backends.mkldnn.is_available() and dtype in (torch.float32, torch.bfloat16):
        yield lambda: _by_onednn(a, b)


def _by_onednn(a: Tensor, b: Tensor) -> object:
    return torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")  # noqa: SLF001 - what torch.compile's own CPU code calls


def copy_bytes_per_s(device: Device) -> float:
    """Bytes read and written each second by a copy too large for any cache."""
    free = device.free_bytes()
    source = torch.ones(min(COPY_BYTES, (free or COPY_BYTES * COPY_SHARE) // COPY_SHARE), dtype=torch.uint8, device=device.torch)
    target = torch.empty_like(source)
    return 2 * source.nbytes / min(_shortest_s(lambda: target.copy_(source), Clock(device)) for _ in range(REPEATS))


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
    """The quickest of a few calls, after one that does not count; of long calls two will do."""
    best = float("inf")
    for number in range(REPEATS + 1):
        before = clock()
        call()
        took_s = clock() - before
        if number:
            best = min(best, took_s)
        if number and took_s > LONG_S and number >= 2:
            break
        if took_s > 20 * LONG_S:  # so slow that repeating it would take the whole time
            return min(best, took_s)
    return best
