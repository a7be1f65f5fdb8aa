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

SIZES = (256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)  # the ceiling is the best rate over all sizes
SHAPES = (
    (1, 1, 1),
    (4, 0.5, 0.5),
)  # rows, inner, columns as multiples of the size: square, and tall like the product of a layer with all its time steps
LONG_S = 0.03  # the first size whose product takes longer is the last one tried
REPEATS, LEAST_S = (
    5,
    0.01,
)  # minimum calls of a product and minimum seconds in total, so that the minimum of a short call comes from many calls
MOST_CALLS = 100
COPY_BYTES = 128 * 2**20  # larger than any cache
COPY_SHARE = 16  # each of the two buffers takes at most 1/16 of the free memory
COPIES_AT_ONCE = 20  # on an accelerator, because synchronizing after each copy would count in its time
TINY_CALLS = 1000


def measure(device_name: str) -> Ceilings:
    """Measure all ceilings of a device, in a few seconds. An unavailable one is absent with its reason."""
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
    """The highest FLOP/s over many sizes and shapes of matrix products. Raises Unsupported if the device lacks the precision."""
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
    """The matrix product in each implementation: torch.mm, and on a CPU also oneDNN's linear, which fused layers use."""
    # drawn on the device: the host takes seconds for the largest ones
    a, b = (torch.randn(*shape, device=device.torch).to(dtype) for shape in ((rows, inner), (inner, columns)))
    out = torch.empty(rows, columns, dtype=dtype, device=device.torch)
    yield lambda: torch.mm(a, b, out=out)
    if device.is_cpu and torch.backends.mkldnn.is_available() and dtype in (torch.float32, torch.bfloat16):
        weight = b.t().contiguous()
        yield lambda: _by_onednn(a, weight)


def _by_onednn(a: Tensor, weight: Tensor) -> object:
    return torch.ops.mkldnn._linear_pointwise(a, weight, None, "none", [], "")  # noqa: SLF001 - torch.compile's CPU code calls it too


def copy_bytes_per_s(device: Device) -> float:
    """Bytes read plus bytes written per second by a copy that exceeds every cache."""
    free = device.free_bytes()
    source = torch.ones(min(COPY_BYTES, (free or COPY_BYTES * COPY_SHARE) // COPY_SHARE), dtype=torch.uint8, device=device.torch)
    target, many = torch.empty_like(source), 1 if device.is_cpu else COPIES_AT_ONCE

    def copies() -> None:
        for _ in range(many):
            target.copy_(source)

    return 2 * many * source.nbytes / min(_shortest_s(copies, Clock(device)) for _ in range(REPEATS))


def launch_s(device: Device) -> float:
    """Seconds per operator of a long sequence of in-place additions to one number: the cost of dispatch."""
    one, clock = torch.zeros(1, device=device.torch), Clock(device)

    def burst() -> float:
        before = clock()
        for _ in range(TINY_CALLS):
            one.add_(1)
        return (clock() - before) / TINY_CALLS

    burst()
    return median(burst() for _ in range(REPEATS))


def _shortest_s(call: Callable[[], object], clock: Clock) -> float:
    """The minimum duration of repeated calls, without the first; fewer calls if they are long."""
    best, spent_s = float("inf"), 0.0
    for number in range(MOST_CALLS):
        before = clock()
        call()
        took_s = clock() - before
        if number:
            best, spent_s = min(best, took_s), spent_s + took_s
        if took_s > 5 * LONG_S:  # repeating such a slow call would take too long
            return min(best, took_s)
        if (number >= REPEATS and spent_s >= LEAST_S) or (number >= 2 and took_s > LONG_S):
            break
    return best
