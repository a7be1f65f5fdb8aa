"""Is this machine fit to measure? One check a row; each finding says what to do next. Changes nothing."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from rnnbench.device import environment
from rnnbench.device.check import CARE, GOOD, UNKNOWN, Check
from rnnbench.device.gpu_fitness import gpu_findings
from rnnbench.device.load import BUSY, STOLEN, LoadWatch

LOOK_S = 1.0  # for others' load and stolen time
COARSE_S = 1e-6


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


def clock_resolution(_: Files) -> Check:
    """The smallest step of the clock that rounds are timed by."""
    readings = [time.perf_counter() for _ in range(2000)]
    step_s = min((after - before for before, after in pairwise(readings) if after > before), default=1.0)
    said = f"perf_counter moves in steps of {step_s * 1e9:.0f} ns"
    todo = "measure only cases of a millisecond or more" if step_s > COARSE_S else ""
    return Check("clock", CARE if todo else GOOD, said, todo)


def clock_source(files: Files) -> Check:
    """Where the kernel takes the time from."""
    found = files.text("sys/devices/system/clocksource/clocksource0/current_clocksource")
    if found is None:
        return Check("clock source", UNKNOWN, "the kernel does not state its clock source")
    slow = found in ("hpet", "acpi_pm", "jiffies", "refined-jiffies")
    return Check("clock source", CARE if slow else GOOD, found, "boot with clocksource=tsc: this clock is slow to read" if slow else "")


def governor(files: Files) -> Check:
    """Who sets the CPU's clock."""
    found = files.texts("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")
    if not found:
        return Check("governor", UNKNOWN, "not visible, as in most virtual machines")
    todo = "" if found == {"performance"} else "sudo cpupower frequency-set -g performance"
    return Check("governor", CARE if todo else GOOD, ", ".join(sorted(found)), todo)


def turbo(files: Files) -> Check:
    """Whether the CPU may exceed its nominal clock, which then depends on heat and on how many cores work."""
    no_turbo, boost = files.text("sys/devices/system/cpu/intel_pstate/no_turbo"), files.text("sys/devices/system/cpu/cpufreq/boost")
    if no_turbo is None and boost is None:
        return Check("turbo", UNKNOWN, "not visible on this system")
    if no_turbo == "0" or boost == "1":
        way = "1 into /sys/devices/system/cpu/intel_pstate/no_turbo" if no_turbo else "0 into /sys/devices/system/cpu/cpufreq/boost"
        return Check("turbo", CARE, "on: the clock depends on temperature and on other cores", f"as root, write {way} for steady figures")
    return Check("turbo", GOOD, "off")


def load(_: Files) -> Iterator[Check]:
    """What others take of the CPU, and what the hypervisor takes."""
    watch = LoadWatch()
    time.sleep(LOOK_S)
    seen = watch.stop()
    if seen is None:
        yield Check("other load", UNKNOWN, "the kernel's CPU times stood still")
        return
    busy, stolen = seen.other_cores > BUSY, seen.steal_share > STOLEN
    todo = "close other programs (top shows them), or wait" if busy else ""
    yield Check("other load", CARE if busy else GOOD, f"other processes use {seen.other_cores:.2f} cores", todo)
    todo = "use a dedicated machine, or measure pairs with rnnbench duet" if stolen else ""
    yield Check("stolen time", CARE if stolen else GOOD, f"the hypervisor takes {seen.steal_share:.1%} of the CPU time", todo)


def container(files: Files) -> Check:
    """Limits of the control group."""
    quota, _, period = (files.text("sys/fs/cgroup/cpu.max") or "").partition(" ")
    if not quota:
        return Check("container", UNKNOWN, "no cgroup v2 limit")
    if quota == "max":
        return Check("container", GOOD, "no CPU limit")
    stat = dict(line.split()[:2] for line in (files.text("sys/fs/cgroup/cpu.stat") or "").splitlines() if line.count(" ") == 1)
    cores, throttled = int(quota) / int(period or 100_000), int(stat.get("nr_throttled", 0))
    said = f"limited to {cores:g} cores; throttled {throttled:,} times so far"
    return Check("container", CARE, said, f"reserve whole CPUs (docker run --cpuset-cpus), or use at most --threads {max(1, int(cores))}")


def memory(_: Files) -> Check:
    """Whether steps may end in swap."""
    swap, free = psutil.swap_memory().used, psutil.virtual_memory().available
    said = f"{free / 2**30:.1f} GiB free, {swap / 2**30:.1f} GiB in swap"
    todo = "close programs or measure smaller cases: swapping distorts timings" if free < 2**30 else ""
    return Check("memory", CARE if todo else GOOD, said, todo)


def threads(_: Files) -> Check:
    """torch's threads against the CPUs that it may use."""
    import os

    import torch

    usable, count = len(os.sched_getaffinity(0)), torch.get_num_threads()
    todo = f"give --threads {usable}" if count > usable else ""
    return Check("threads", CARE if todo else GOOD, f"torch uses {count} threads on {usable} CPUs", todo)


def tf32(_: Files) -> Check:
    """What torch's own default would make of fp32 on a GPU, and the variables that no setting of torch's undoes."""
    import torch

    if cautions := environment.cautions():
        return Check("fp32", CARE, "; ".join(cautions), "unset it: records in fp32 would not be IEEE, and each says so")
    backends: Any = torch.backends
    said = f"torch lets cuDNN use TF32 for fp32: {backends.cudnn.allow_tf32}; cuBLAS: {backends.cuda.matmul.allow_tf32}"
    return Check("fp32", GOOD, f"{said}. rnnbench sets both per case: fp32 means IEEE, and tf32 is a separate precision")


CPU_CHECKS: tuple[Callable[[Files], Check | Iterator[Check]], ...] = (
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


def findings(device_name: str, files: Files | None = None) -> list[Check]:
    """Every check of the machine, and of the GPU where that is what will be measured on."""
    files = files or Files()
    found: list[Check] = []
    for check in CPU_CHECKS:
        answer = check(files)
        found += [answer] if isinstance(answer, Check) else answer
    if device_name.partition(":")[0] == "cuda":
        from rnnbench.device.devices import Device

        device = Device(device_name)
        found += gpu_findings(device.index, device.uuid())
    return found
