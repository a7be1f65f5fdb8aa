"""Is this GPU fit to measure? Persistence, heat, throttling, clocks, company; by NVML, each with what to do next."""

import os
from collections.abc import Callable

from rnnbench.device.check import CARE, GOOD, UNKNOWN, Check
from rnnbench.device.nvml import Absent, Gpu

WARM_CELSIUS = 80


def persistence(gpu: Gpu) -> Check:
    """Whether the driver lets the GPU fall asleep between processes, of which every case is one."""
    on = gpu.persistent()
    todo = "" if on else "sudo nvidia-smi -pm 1: each case is a process and would wake the GPU"
    return Check("GPU persistence", GOOD if on else CARE, "on" if on else "off", todo)


def heat(gpu: Gpu) -> Check:
    """How warm it is before anything was measured."""
    celsius = gpu.temperature_celsius()
    warm = celsius >= WARM_CELSIUS
    return Check("GPU temperature", CARE if warm else GOOD, f"{celsius:.0f} °C", "let it cool down before measuring" if warm else "")


def throttling(gpu: Gpu) -> Check:
    """Whether it slows itself now."""
    reasons = gpu.throttled_for()
    said = f"throttled: {', '.join(reasons)}" if reasons else "not throttled"
    todo = "see nvidia-smi -q -d PERFORMANCE; lock lower clocks with nvidia-smi -lgc" if reasons else ""
    return Check("GPU throttling", CARE if reasons else GOOD, said, todo)


def clocks(gpu: Gpu) -> Check:
    """Where its clock is; NVML does not tell whether it is locked."""
    said = (
        f"{gpu.sm_clock_hz() / 1e6:.0f} MHz now, {gpu.highest_sm_clock_hz() / 1e6:.0f} MHz at most; NVML cannot tell whether it is locked"
    )
    return Check("GPU clocks", UNKNOWN, said, "lock them for figures you publish: sudo nvidia-smi -lgc MHZ,MHZ")


def company(gpu: Gpu) -> Check:
    """Who else computes on it."""
    others = [pid for pid in gpu.processes() if pid != os.getpid()]
    said = f"{len(others)} other processes use it" if others else "no other process uses it"
    return Check("GPU company", CARE if others else GOOD, said, "end them, or choose another GPU with --device" if others else "")


CHECKS: dict[str, Callable[[Gpu], Check]] = {
    "GPU persistence": persistence,
    "GPU temperature": heat,
    "GPU throttling": throttling,
    "GPU clocks": clocks,
    "GPU company": company,
}


def gpu_findings(index: int, uuid: str | None) -> list[Check]:
    """Every check; what NVML refuses is unknown with its words."""
    try:
        gpu = Gpu(index, uuid)
    except Absent as error:
        return [Check("GPU", UNKNOWN, str(error), "install the NVIDIA driver's management library for clocks, temperature and energy")]
    found = []
    for name, check in CHECKS.items():
        try:
            found.append(check(gpu))
        except Absent as error:
            found.append(Check(name, UNKNOWN, str(error)))
    return found
