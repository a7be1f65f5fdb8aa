"""Other load on the machine, before a run and during each case: other processes' CPU time, and steal time."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from rnnbench.device.nvml import Absent, Gpu

BUSY = 0.10  # share of one core used by other processes
STOLEN = 0.02
SHORTEST_S = 0.1  # the kernel counts CPU time in 10 ms ticks, too coarse for a shorter window
LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Load:
    """CPU time of other processes, in cores, and the share of CPU time that the hypervisor stole."""

    other_cores: float
    steal_share: float

    def metrics(self) -> dict[str, float]:
        """The figures under their names in a record."""
        return {"other_load_cores": self.other_cores, "steal_share": self.steal_share}

    def notes(self) -> list[str]:
        """A sentence with a remedy for each figure above its limit."""
        found = []
        if self.other_cores > BUSY:
            found.append(f"contended: other processes used {self.other_cores:.1f} cores; close them, or repeat with --processes")
        if self.steal_share > STOLEN:
            found.append(f"contended: the hypervisor took {self.steal_share:.0%} of the CPU time: use a dedicated machine")
        return found


class LoadWatch:
    """Measures the load from construction to `stop()`."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self._machine, self._own_s = psutil.cpu_times(), _own_s()

    def stop(self) -> Load | None:
        """The load since construction; None if the window was too short."""
        span_s = time.monotonic() - self._start_s
        if span_s < SHORTEST_S:
            return None
        machine, mine = psutil.cpu_times(), _own_s() - self._own_s
        idle = sum(getattr(machine, name, 0) - getattr(self._machine, name, 0) for name in ("idle", "iowait"))
        stolen = getattr(machine, "steal", 0) - getattr(self._machine, "steal", 0)
        total = sum(machine[:8]) - sum(self._machine[:8])  # the last two, guest times, are counted in user and nice
        others = round(max(0.0, total - idle - stolen - mine), 6)  # removes rounding errors from differences of ticks
        return Load(others / span_s, max(0.0, stolen / total if total else 0.0))


def is_quiet(load: Mapping[str, Any]) -> bool:
    """Whether `at_start` found no other load. Ceilings measured on a busy machine are too low to keep."""
    return not load.get("notes")


def _own_s() -> float:
    """CPU seconds of this process and its descendants. A rank of a parallel training also counts the other local ranks."""
    me = psutil.Process(os.getppid() if "TORCHELASTIC_RUN_ID" in os.environ else None)
    total = 0.0
    for one in (me, *me.children(recursive=True)):
        try:
            total += sum(one.cpu_times()[:4])  # its own and that of its ended children
        except psutil.NoSuchProcess:
            continue
    return total


def at_start(device: str) -> dict[str, Any]:
    """The load before a run, for run.json: load average, load over a quarter of a second, and processes on the GPU."""
    watch = LoadWatch()
    time.sleep(LOOK_S)
    load = watch.stop()
    found: dict[str, Any] = {"load_average_1m": round(os.getloadavg()[0], 2)}
    if load is not None:
        found |= {name: round(value, 3) for name, value in load.metrics().items()} | {"notes": load.notes()}
    kind, _, index = device.partition(":")
    if kind == "cuda":  # this run has no CUDA context yet, so every process listed belongs to someone else
        try:
            found["gpu_processes"] = len(Gpu(int(index or 0)).processes())
        except Absent as error:
            found["gpu_processes_absent"] = str(error)
    return found
