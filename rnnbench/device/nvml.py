"""One GPU through NVIDIA's management library (NVML). A value that cannot be read raises Absent with the reason."""

import os
from collections.abc import Callable
from typing import Any

import pynvml

from rnnbench.device.visible import Name, named

HEAT_OR_POWER = {  # bits of NVML's mask as numbers, because nvidia-ml-py drops names that CUDA retires
    "power cap": 0x04,
    "power brake": 0x80,
    "heat": 0x20 | 0x40,
    "hardware slowdown": 0x08,
}
"""Reasons for throttling that count: heat and power, not idling or clocks set by a user."""


class Absent(Exception):
    """A value that cannot be read; the message is the reason."""


class Gpu:
    """The GPU that CUDA calls `index`. Raises Absent where NVML cannot reach it."""

    def __init__(self, index: int = 0, uuid: str | None = None) -> None:
        """`uuid` is CUDA's own. It identifies the GPU, unless CUDA_VISIBLE_DEVICES names a MIG instance."""
        _call(pynvml.nvmlInit)
        try:
            wanted = named(index, os.environ.get("CUDA_VISIBLE_DEVICES"))
        except LookupError as error:
            raise Absent(str(error)) from None
        if uuid and not str(wanted).startswith("MIG-"):
            wanted = uuid if uuid.startswith("GPU-") else f"GPU-{uuid}"
        self.is_part = str(wanted).startswith("MIG-")
        self._handle = _handle(wanted)

    def name(self) -> str:
        """The product name."""
        return str(self._ask("nvmlDeviceGetName"))

    def uuid(self) -> str:
        """The unique identifier, as GPU-…"""
        return str(self._ask("nvmlDeviceGetUUID"))

    def energy_j(self) -> float:
        """Joules since the driver was loaded, from a counter updated about ten times per second."""
        if self.is_part:
            raise Absent("a MIG instance has no separate energy counter")
        return float(self._ask("nvmlDeviceGetTotalEnergyConsumption")) / 1e3

    def power_w(self) -> float:
        """Current power in watts, as averaged by the driver."""
        return float(self._ask("nvmlDeviceGetPowerUsage")) / 1e3

    def sm_clock_hz(self) -> float:
        """Current clock of the multiprocessors."""
        return float(self._ask("nvmlDeviceGetClockInfo", pynvml.NVML_CLOCK_SM)) * 1e6

    def memory_clock_hz(self) -> float:
        """Current clock of the memory."""
        return float(self._ask("nvmlDeviceGetClockInfo", pynvml.NVML_CLOCK_MEM)) * 1e6

    def highest_sm_clock_hz(self) -> float:
        """Maximum clock of the multiprocessors."""
        return float(self._ask("nvmlDeviceGetMaxClockInfo", pynvml.NVML_CLOCK_SM)) * 1e6

    def temperature_celsius(self) -> float:
        """Temperature of the chip."""
        return float(self._ask("nvmlDeviceGetTemperature", pynvml.NVML_TEMPERATURE_GPU))

    def throttled_for(self) -> tuple[str, ...]:
        """Reasons for throttling now (heat or power); empty if it is not throttling."""
        try:
            mask = int(self._ask("nvmlDeviceGetCurrentClocksEventReasons"))
        except Absent:  # the name before driver 535
            mask = int(self._ask("nvmlDeviceGetCurrentClocksThrottleReasons"))
        return tuple(why for why, bits in HEAT_OR_POWER.items() if mask & bits)

    def busy_share(self) -> float:
        """Share of the time since the driver's last sample in which some kernel ran."""
        return float(self._ask("nvmlDeviceGetUtilizationRates").gpu) / 100

    def persistent(self) -> bool:
        """Whether the driver keeps the GPU awake between processes."""
        return bool(self._ask("nvmlDeviceGetPersistenceMode") == pynvml.NVML_FEATURE_ENABLED)

    def processes(self) -> dict[int, int | None]:
        """Bytes used by each compute process on the GPU, by process id; None if the driver does not report them."""
        return {one.pid: one.usedGpuMemory for one in self._ask("nvmlDeviceGetComputeRunningProcesses")}

    def _ask(self, name: str, *arguments: Any) -> Any:
        function = getattr(pynvml, name, None)
        if function is None:
            raise Absent(f"NVML: this nvidia-ml-py has no {name}")
        return _call(function, self._handle, *arguments)


def _handle(wanted: Name) -> Any:
    if isinstance(wanted, int):
        return _call(pynvml.nvmlDeviceGetHandleByIndex, wanted)
    try:
        return _call(pynvml.nvmlDeviceGetHandleByUUID, wanted)
    except Absent:
        for index in range(_call(pynvml.nvmlDeviceGetCount)):  # like CUDA, accept a prefix of a UUID
            handle = _call(pynvml.nvmlDeviceGetHandleByIndex, index)
            if str(_call(pynvml.nvmlDeviceGetUUID, handle)).startswith(wanted):
                return handle
        raise


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except pynvml.NVMLError as error:
        raise Absent(f"NVML: {error}") from None
