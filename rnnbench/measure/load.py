"""What else the machine was doing while a case was timed: other processes' CPU time, time stolen by the hypervisor."""

import time
from dataclasses import dataclass

import psutil

BUSY = 0.10  # of one core, by others
STOLEN = 0.02
SHORTEST_S = 0.1  # the kernel counts CPU time in ticks of 10 ms: less says nothing


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
            found.append(f"contended: other processes kept {self.other_cores:.1f} cores busy: close them, or repeat with --processes")
        if self.steal_share > STOLEN:
            found.append(f"contended: the hypervisor took {self.steal_share:.0%} of the CPU time: use a machine of your own")
        return found


class LoadWatch:
    """From its making to `stop()`."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self._machine, self._own = psutil.cpu_times(), psutil.Process().cpu_times()

    def stop(self) -> Load | None:
        """The load since the start."""
        span_s = time.monotonic() - self._start_s
        if span_s < SHORTEST_S:
            return None
        machine, own = psutil.cpu_times(), psutil.Process().cpu_times()
        idle = sum(getattr(machine, name, 0) - getattr(self._machine, name, 0) for name in ("idle", "iowait"))
        stolen = getattr(machine, "steal", 0) - getattr(self._machine, "steal", 0)
        total = sum(machine[:8]) - sum(self._machine[:8])  # the last two, guest times, are counted in user and nice
        mine = own.user + own.system - self._own.user - self._own.system
        return Load(max(0.0, (total - idle - stolen - mine) / span_s), max(0.0, stolen / total if total else 0.0))
