"""The names of what ran in one step: a device's kernels; on a CPU, oneDNN's primitives, otherwise torch's operators.

The part for kernels has run on a GPU (docs/gpu.md).
"""

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

import torch
from torch.profiler import ProfilerActivity, profile

from rnnbench.device.devices import Device

CPU: Any = torch.autograd.DeviceType.CPU  # type: ignore[attr-defined]  # torch's own, not in its __all__
MOST = 3
_SHORT = 80
NOT_SEEN = (
    "torch's profiler saw no kernel: CUPTI gave no record, as where another profiler holds it or the driver keeps it from this user"
    " (NVreg_RestrictProfilingToAdminUsers)"
)
_OPERATORS = ("aten::", "mkldnn::")


def names(step: Callable[[], None], device: Device) -> tuple[str, ...]:
    """The names of what took most of a step's time, the longest first. Runs the step twice; never call it while anything is timed."""
    if device.is_cpu and (found := _primitives(step)):
        return found
    profiler = _profiled(step, device)
    spent: dict[str, float] = {}
    for event in of_device(profiler):
        spent[event.name] = spent.get(event.name, 0.0) + float(event.time_range.elapsed_us())
    if not spent:
        rows = [row for row in profiler.key_averages() if row.key.startswith(_OPERATORS)]
        spent = {row.key: float(row.self_cpu_time_total) for row in rows}
    return _longest(spent)


class Launched(NamedTuple):
    """The device's work in one step: the number of kernels, copies and fills, and the seconds in which at least one ran."""

    kernels: int
    busy_s: float


def launched(step: Callable[[], None], device: Device) -> Launched:
    """Profile one more step. Raises LookupError, with the reason, if nothing is known."""
    if device.is_cpu:
        raise LookupError("a CPU launches no kernels")
    if device.torch.type != "cuda":
        raise LookupError(f"torch's profiler counts no kernels of {device.name}")
    ran = of_device(_profiled(step, device))
    if not ran:
        raise LookupError(NOT_SEEN)
    spans = merged(sorted((event.time_range.start, event.time_range.end) for event in ran))
    return Launched(len(ran), sum(end - start for start, end in spans) / 1e6)


def merged(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The union of intervals as disjoint intervals, ordered by start."""
    found: list[tuple[float, float]] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def activities(device: Device) -> list[ProfilerActivity]:
    """The activities for torch's profiler."""
    return [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.torch.type == "cuda" else [])]


def _profiled(step: Callable[[], None], device: Device) -> profile:
    profiler = profile(activities=activities(device))
    with profiler:
        step()
        device.synchronize()
    return profiler


def of_device(profiler: profile) -> list[Any]:
    """The events on the device, without named ranges: the profiler shows the host's ranges on the device too.

    A kernel may have the name of a range (`forward`), so names decide only in a torch that does not mark ranges."""
    events = profiler.events() or ()
    named = {event.name for event in events if event.device_type == CPU and _is_range(event, unmarked=False)}
    return [one for one in events if one.device_type != CPU and not _is_range(one, unmarked=one.name in named)]


def _is_range(event: Any, *, unmarked: bool) -> bool:
    marked: bool | None = getattr(event, "is_user_annotation", None)
    return unmarked if marked is None else marked


def _primitives(step: Callable[[], None]) -> tuple[str, ...]:
    """Kind and implementation of each oneDNN primitive in a step, the longest first, from oneDNN's verbose output."""
    backend: Any = torch.backends.mkldnn
    if not backend.is_available():
        return ()
    with tempfile.TemporaryFile() as file:
        with _stdout_into(file), backend.verbose(backend.VERBOSE_ON):
            step()
        file.seek(0)
        return parsed(file.read().decode("utf-8", "replace"))


def parsed(text: str) -> tuple[str, ...]:
    """Names from oneDNN's verbose lines: `…,exec,cpu,KIND,IMPLEMENTATION,…,MILLISECONDS`."""
    spent: dict[str, float] = {}
    for line in text.splitlines():
        words = line.split(",")
        if not line.startswith("onednn_verbose") or "exec" not in words:
            continue
        at = words.index("exec")
        try:
            name, took = f"{words[at + 2]} {words[at + 3]}", float(words[-1])
        except (IndexError, ValueError):
            continue
        spent[name] = spent.get(name, 0.0) + took
    return _longest(spent)


def _longest(spent: dict[str, float]) -> tuple[str, ...]:
    return tuple(name[:_SHORT] for name in sorted(spent, key=lambda name: -spent[name])[:MOST])


@contextmanager
def _stdout_into(file: IO[bytes]) -> Iterator[None]:
    """Redirect this process's standard output, including that of libraries, into a file."""
    flush = ctypes.CDLL(None).fflush
    sys.stdout.flush()
    flush(None)
    kept = os.dup(1)
    os.dup2(file.fileno(), 1)
    try:
        yield
    finally:
        flush(None)
        os.dup2(kept, 1)
        os.close(kept)
