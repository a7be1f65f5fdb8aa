"""One interface for every device; what a device lacks is none. CUDA-only knowledge stays in this file."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

from rnnbench.errors import NoSuchDevice

ACCELERATORS = ("cuda", "xpu", "mps")


@dataclass(frozen=True, slots=True)
class Span:
    """One step: seconds between the device's own events around it, and by the clock until it was done."""

    device_s: float
    wall_s: float


class Device:
    """A torch device with its module: `synchronize` and peak memory, alike on a CPU, on CUDA and on the tests' toy."""

    def __init__(self, name: str) -> None:
        """`name` is `cpu`, `cuda`, `cuda:1`… Raises NoSuchDevice with what there is."""
        self.name = name
        try:
            self.torch = torch.device(name)
            self.module: ModuleType = torch.get_device_module(self.torch.type)
        except (RuntimeError, AssertionError):
            raise NoSuchDevice(name, available()) from None
        self.is_cpu = self.torch.type == "cpu"
        self._retries = 0
        if not self.is_cpu and not (self.module.is_available() and (self.torch.index or 0) < self.module.device_count()):
            raise NoSuchDevice(name, available())

    def current(self) -> AbstractContextManager[Any]:
        """Makes it the one that streams, captures and events belong to: on CUDA these go by the current device, not by the tensors'."""
        return torch.cuda.device(self.torch) if self.torch.type == "cuda" else nullcontext()

    def synchronize(self) -> None:
        """Wait until the device has done all that it was given."""
        if self.is_cpu:
            return
        self.module.synchronize(self.torch)

    def is_usable(self) -> bool:
        """Whether it still takes work from this process: after some errors, as of an illegal address, CUDA refuses every call."""
        try:
            self.synchronize()
        except RuntimeError:
            return False
        return True

    def free_bytes(self) -> int | None:
        """Free memory of the device, or none where it cannot be asked."""
        ask = getattr(self.module, "mem_get_info", None)
        return int(ask(self.torch)[0]) if ask else None

    def forget(self) -> None:
        """Give back what the allocator keeps of tensors that are gone."""
        if hasattr(self.module, "empty_cache"):
            self.module.empty_cache()

    def reset_peaks(self) -> None:
        """Forget earlier peaks. A CPU keeps none: see memory.ResidentPeak."""
        self._retries = self._allocator_retries() or 0
        if hasattr(self.module, "reset_peak_memory_stats"):
            self.module.reset_peak_memory_stats(self.torch)

    def peaks(self) -> dict[str, float]:
        """Peak allocated and reserved bytes and the allocator's retries since the reset; empty where the device does not count."""
        asked = {"peak_allocated_bytes": "max_memory_allocated", "peak_reserved_bytes": "max_memory_reserved"}
        found = {name: float(getattr(self.module, call)(self.torch)) for name, call in asked.items() if hasattr(self.module, call)}
        retries = self._allocator_retries()
        return found if retries is None else {**found, "allocator_retries": float(retries - self._retries)}

    def graph_pool_bytes(self) -> float:
        """What CUDA's allocator keeps for the replays of captured graphs."""
        segments = torch.cuda.memory_snapshot()
        kept = [one for one in segments if one["device"] == self.index and tuple(one.get("segment_pool_id", (0, 0))) != (0, 0)]
        return float(sum(one["total_size"] for one in kept))

    @property
    def has_events(self) -> bool:
        """Whether it can mark its own time."""
        return not self.is_cpu and hasattr(self.module, "Event")

    def event(self) -> Any:
        """A mark of the device's own time, put behind what it was given so far. Only where it `has_events`."""
        found = self.module.Event(enable_timing=True)
        found.record(self.module.current_stream(self.torch))
        return found

    def span(self, step: Callable[[], None]) -> Span | None:
        """A step between two events of the device; none, and no step, where it has none."""
        if not self.has_events:
            return None
        self.synchronize()
        before = time.perf_counter()
        start = self.event()
        step()
        end = self.event()
        self.synchronize()
        return Span(start.elapsed_time(end) / 1e3, time.perf_counter() - before)

    def mark(self, name: str) -> AbstractContextManager[Any]:
        """A range with a name for the device's own profiler: NVTX for Nsight on CUDA, nothing elsewhere."""
        return torch.cuda.nvtx.range(name) if self.torch.type == "cuda" else nullcontext()

    @property
    def index(self) -> int:
        """Its number among the devices of its kind that this process sees."""
        return self.torch.index or 0

    def uuid(self) -> str | None:
        """What CUDA says the device's own name is; none elsewhere, and before torch 2.4."""
        if self.torch.type != "cuda":
            return None
        found = getattr(torch.cuda.get_device_properties(self.index), "uuid", None)
        return None if found is None else str(found)

    def _allocator_retries(self) -> int | None:
        """How often the allocator had to give back its cache and try again, so far."""
        ask = None if self.is_cpu else getattr(self.module, "memory_stats", None)
        found = ask(self.torch).get("num_alloc_retries") if ask else None
        return None if found is None else int(found)


class Clock:
    """Seconds, read after the device is done, without what was paused. pytest-benchmark's timer."""

    __name__ = "rnnbench_clock"

    def __init__(self, device: Device) -> None:
        self._device = device
        self._paused_s = 0.0
        self._paused_at = 0.0

    def __call__(self) -> float:
        self._device.synchronize()
        return time.perf_counter() - self._paused_s

    def pause(self) -> None:
        """What runs from here to `resume`, and what the device still owed before, does not count. Plain calls: they cost least."""
        self._paused_at = self()

    def resume(self) -> None:
        """Count again."""
        self._paused_s += self() - self._paused_at

    def skip(self, seconds: float) -> None:
        """So much of what has passed does not count."""
        self._paused_s += seconds


def available() -> list[str]:
    """Names of the devices that this machine and this build of torch have."""
    names = ["cpu"]
    for kind in dict.fromkeys((*ACCELERATORS, torch._C._get_privateuse1_backend_name())):  # noqa: SLF001 - no public name
        try:
            module = torch.get_device_module(kind)
            count = module.device_count() if module.is_available() else 0
        except (RuntimeError, AttributeError):
            continue
        names += [kind] if count == 1 else [f"{kind}:{index}" for index in range(count)]
    return names


def best() -> str:
    """The device to measure on when none was named: CUDA where it is, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"
