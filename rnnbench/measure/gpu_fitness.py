"""Is this GPU fit to measure? Persistence, heat, throttling, clocks, company; by NVML, each with what to do next."""

import os
from collections.abc import Callable

from rnnbench.measure.fitness import CARE, GOOD, UNKNOWN, WARM_CELSIUS, Finding
from rnnbench.measure.nvml import Absent, Gpu


def persistence(gpu: Gpu) -> Finding:
    """Whether the driver lets the GPU fall asleep between processes, of which every case is one."""
    on = gpu.persistent()
    todo = "" if on else "sudo nvidia-smi -pm 1: each case is a process, and each would wake the GPU"
    return Finding("GPU persistence", GOOD if on else CARE, "on" if on else "off", todo)


def heat(gpu: Gpu) -> Finding:
    """How warm it is before anything was measured."""
    celsius = gpu.temperature_celsius()
    warm = celsius >= WARM_CELSIUS
    return Finding("GPU temperature", CARE if warm else GOOD, f"{celsius:.0f} °C", "let it cool down before measuring" if warm else "")


def throttling(gpu: Gpu) -> Finding:
    """Whether it slows itself now."""
    reasons = gpu.throttled_for()
    said = f"slows itself for {', '.join(reasons)}" if reasons else "does not slow itself"
    todo = "see nvidia-smi -q -d PERFORMANCE; lock lower clocks with nvidia-smi -lgc" if reasons else ""
    return Finding("GPU throttling", CARE if reasons else GOOD, said, todo)


def clocks(gpu: Gpu) -> Finding:
    """Where its clock is; NVML does not tell whether it is locked."""
    said = f"{gpu.sm_clock_hz() / 1e6:.0f} MHz now, {gpu.highest_sm_clock_hz() / 1e6:.0f} MHz at most; whether locked cannot be read"
    return Finding("GPU clocks", UNKNOWN, said, "for figures to publish lock them: sudo nvidia-smi -lgc MHZ,MHZ")


def company(gpu: Gpu) -> Finding:
    """Who else computes on it."""
    others = [pid for pid in gpu.processes() if pid != os.getpid()]
    said = f"{len(others)} other processes compute on it" if others else "nobody else computes on it"
    return Finding("GPU company", CARE if others else GOOD, said, "end them, or take another with --device" if others else "")


CHECKS: dict[str, Callable[[Gpu], Finding]] = {
    "GPU persistence": persistence,
    "GPU temperature": heat,
    "GPU throttling": throttling,
    "GPU clocks": clocks,
    "GPU company": company,
}


def gpu_findings(index: int, uuid: str | None) -> list[Finding]:
    """Every check; what NVML refuses is unknown with its words."""
    try:
        gpu = Gpu(index, uuid)
    except Absent as error:
        return [Finding("GPU", UNKNOWN, str(error), "install nvidia-ml-py's library with the driver to have clocks, heat and energy")]
    found = []
    for name, check in CHECKS.items():
        try:
            found.append(check(gpu))
        except Absent as error:
            found.append(Finding(name, UNKNOWN, str(error)))
    return found
