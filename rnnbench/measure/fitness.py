"""Is this machine fit to measure? One check a row; each finding says what to do next. Changes nothing."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from rnnbench.measure.load import BUSY, STOLEN, LoadWatch

GOOD, CARE, UNKNOWN = "good", "care", "unknown"
LOOK_S = 1.0  # for others' load and stolen time
COARSE_S = 1e-6
WARM_CELSIUS = 80


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it stands (good, care, unknown), and what to do where it is not good."""

    name: str
    state: str
    said: str
    todo: str = ""

    def as_dict(self) -> dict[str, str]:
        """As JSON takes it."""
        return asdict(self)


class Files:
    """The parts of /sys and /proc that are asked, below a root that tests choose."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def text(self, path: str) -> str | None:
        """A file's text; none where it cannot be read."""
        try:
            return (self._root / path).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def texts(self, pattern: str) -> set[str]:
        """The texts of all files that match."""
        return {text for path in self._root.glob(pattern) if (text := self.text(str(path.relative_to(self._root))))}


def clock_resolution(_: Files) -> Finding:
    """The smallest step of the clock that rounds are timed by."""
    readings = [time.perf_counter() for _ in range(2000)]
    step_s = min((after - before for before, after in pairwise(readings) if after > before), default=1.0)
    said = f"perf_counter moves in steps of {step_s * 1e9:.0f} ns"
    todo = "measure cases of a millisecond and more only" if step_s > COARSE_S else ""
    return Finding("clock", CARE if todo else GOOD, said, todo)


def clock_source(files: Files) -> Finding:
    """Where the kernel takes the time from."""
    found = files.text("sys/devices/system/clocksource/clocksource0/current_clocksource")
    if found is None:
        return Finding("clock source", UNKNOWN, "the kernel does not say where it takes the time from")
    slow = found in ("hpet", "acpi_pm", "jiffies", "refined-jiffies")
    return Finding("clock source", CARE if slow else GOOD, found, "boot with clocksource=tsc: reading this clock is slow" if slow else "")


def governor(files: Files) -> Finding:
    """Who sets the CPU's clock."""
    found = files.texts("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")
    if not found:
        return Finding("governor", UNKNOWN, "this system hides the CPU's frequency governor, as virtual machines do")
    todo = "" if found == {"performance"} else "sudo cpupower frequency-set -g performance"
    return Finding("governor", CARE if todo else GOOD, ", ".join(sorted(found)), todo)


def turbo(files: Files) -> Finding:
    """Whether the CPU may exceed its nominal clock, which then depends on heat and on how many cores work."""
    no_turbo, boost = files.text("sys/devices/system/cpu/intel_pstate/no_turbo"), files.text("sys/devices/system/cpu/cpufreq/boost")
    if no_turbo is None and boost is None:
        return Finding("turbo", UNKNOWN, "this system does not say whether the CPU may exceed its nominal clock")
    if no_turbo == "0" or boost == "1":
        way = "1 into /sys/devices/system/cpu/intel_pstate/no_turbo" if no_turbo else "0 into /sys/devices/system/cpu/cpufreq/boost"
        return Finding("turbo", CARE, "on: clocks depend on heat and on other cores", f"as root, write {way} for steady figures")
    return Finding("turbo", GOOD, "off")


def load(_: Files) -> Iterator[Finding]:
    """What others take of the CPU, and what the hypervisor takes."""
    watch = LoadWatch()
    time.sleep(LOOK_S)
    seen = watch.stop()
    if seen is None:
        yield Finding("other load", UNKNOWN, "the kernel's CPU times stood still")
        return
    busy, stolen = seen.other_cores > BUSY, seen.steal_share > STOLEN
    todo = "close other programs (top shows them), or wait" if busy else ""
    yield Finding("other load", CARE if busy else GOOD, f"other processes keep {seen.other_cores:.2f} cores busy", todo)
    todo = "use a machine of your own, or measure in pairs with rnnbench duet" if stolen else ""
    yield Finding("stolen time", CARE if stolen else GOOD, f"the hypervisor takes {seen.steal_share:.1%} of the CPU time", todo)


def container(files: Files) -> Finding:
    """Limits of the control group."""
    quota, _, period = (files.text("sys/fs/cgroup/cpu.max") or "").partition(" ")
    if not quota:
        return Finding("container", UNKNOWN, "no control group of version 2 states a limit")
    if quota == "max":
        return Finding("container", GOOD, "no CPU limit")
    stat = dict(line.split()[:2] for line in (files.text("sys/fs/cgroup/cpu.stat") or "").splitlines() if line.count(" ") == 1)
    cores, throttled = int(quota) / int(period or 100_000), int(stat.get("nr_throttled", 0))
    said = f"limited to {cores:g} cores; held back {throttled:,} times so far"
    return Finding(
        "container", CARE, said, f"use whole CPUs of your own (docker run --cpuset-cpus), or at most --threads {max(1, int(cores))}"
    )


def memory(_: Files) -> Finding:
    """Whether steps may end in swap."""
    swap, free = psutil.swap_memory().used, psutil.virtual_memory().available
    said = f"{free / 2**30:.1f} GiB free, {swap / 2**30:.1f} GiB in swap"
    todo = "close programs, or measure smaller cases: swapping is timed too" if free < 2**30 else ""
    return Finding("memory", CARE if todo else GOOD, said, todo)


def threads(_: Files) -> Finding:
    """torch's threads against the CPUs that it may use."""
    import os

    import torch

    usable, count = len(os.sched_getaffinity(0)), torch.get_num_threads()
    todo = f"give --threads {usable}" if count > usable else ""
    return Finding("threads", CARE if todo else GOOD, f"torch uses {count} threads on {usable} CPUs", todo)


def tf32(_: Files) -> Finding:
    """What torch's own default would make of fp32 on a GPU."""
    import torch

    backends: Any = torch.backends
    said = f"torch lets cuDNN use TF32 for fp32: {backends.cudnn.allow_tf32}; cuBLAS: {backends.cuda.matmul.allow_tf32}"
    return Finding("TF32", GOOD, f"{said}. rnnbench sets both for each case: fp32 is IEEE, tf32 a precision of its own")


CPU_CHECKS: tuple[Callable[[Files], Finding | Iterator[Finding]], ...] = (
    clock_resolution,
    clock_source,
    governor,
    turbo,
    load,
    container,
    memory,
    threads,
    tf32,
)


def findings(device_name: str, files: Files | None = None) -> list[Finding]:
    """Every check of the machine, and of the GPU where that is what will be measured on."""
    files = files or Files()
    found: list[Finding] = []
    for check in CPU_CHECKS:
        answer = check(files)
        found += [answer] if isinstance(answer, Finding) else answer
    if device_name.partition(":")[0] == "cuda":
        from rnnbench.measure.devices import Device
        from rnnbench.measure.gpu_fitness import gpu_findings

        device = Device(device_name)
        found += gpu_findings(device.index, device.uuid())
    return found
