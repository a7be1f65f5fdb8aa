"""Other load on the machine, before a run and during each case: other processes' CPU time, and steal time."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from rnnbench.device.nvml import Absent, Gpu

BUSY = 0.10  # of one core, by others
STOLEN = 0.02
SHORTEST_S = 0.1  # the kernel counts CPU time in ticks of 10 ms: less says nothing
LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Load:
    """Others' CPU time, in cores, and the share of time stolen; none where the window was too short."""

    other_cores: float
    steal_share: float

    def metrics(self) -> dict[str, float]:
        """As a record states it."""
        return {"other_load_cores": self.other_cores, "steal_share": self.steal_share}

    def notes(self) -> list[str]:
        """What to think of it."""
        found = []
        if self.other_cores > BUSY:
            found.append(f"contended: other processes used {self.other_cores:.1f} cores; close them, or repeat with --processes")
        if self.steal_share > STOLEN:
            found.append(f"contended: the hypervisor took {self.steal_share:.0%} of the CPU time: use a dedicated machine")
        return found


class LoadWatch:
    """From its making to `stop()`."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self._machine, self._own_s = psutil.cpu_times(), _own_s()

    def stop(self) -> Load | None:
        """The load since the start."""
        span_s = time.monotonic() - self._start_s
        if span_s < SHORTEST_S:
            return None
        machine, mine = psutil.cpu_times(), _own_s() - self._own_s
        idle = sum(getattr(machine, name, 0) - getattr(self._machine, name, 0) for name in ("idle", "iowait"))
        stolen = getattr(machine, "steal", 0) - getattr(self._machine, "steal", 0)
        total = sum(machine[:8]) - sum(self._machine[:8])  # the last two, guest times, are counted in user and nice
        others = round(max(0.0, total - idle - stolen - mine), 6)  # differences of ticks, without what the float adds
        return Load(others / span_s, max(0.0, stolen / total if total else 0.0))


def is_quiet(load: Mapping[str, Any]) -> bool:
    """Whether what `at_start` found leaves the CPU to this run. Ceilings that are measured otherwise are too low to be kept."""
    return not load.get("notes")


def _own_s() -> float:
    """CPU time of this process and of all that it started. One of several that train together counts the others of its machine too."""
    me = psutil.Process(os.getppid() if "TORCHELASTIC_RUN_ID" in os.environ else None)
    total = 0.0
    for one in (me, *me.children(recursive=True)):
        try:
            total += sum(one.cpu_times()[:4])  # its own, and that of its children that have ended
        except psutil.NoSuchProcess:
            continue
    return total


def at_start(device: str) -> dict[str, Any]:
    """The machine before a run, as run.json states it: load average, a quarter of a second's load, other processes on the GPU."""
    watch = LoadWatch()
    time.sleep(LOOK_S)
    load = watch.stop()
    found: dict[str, Any] = {"load_average_1m": round(os.getloadavg()[0], 2)}
    if load is not None:
        found |= {name: round(value, 3) for name, value in load.metrics().items()} | {"notes": load.notes()}
    kind, _, index = device.partition(":")
    if kind == "cuda":  # no process of this run has a context yet: all that compute there are others
        try:
            found["gpu_processes"] = len(Gpu(int(index or 0)).processes())
        except Absent as error:
            found["gpu_processes_absent"] = str(error)
    return found
