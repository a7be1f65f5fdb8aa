"""The CPU while a case was timed: energy through RAPL where readable, and clock frequency."""

import time
from pathlib import Path

import psutil

from rnnbench.device.readings import Readings

POWERCAP = Path("/sys/class/powercap")
SHORTEST_S = 0.05  # RAPL counts every millisecond


class CpuWatch:
    """From its making to `stop()`. RAPL counts whole packages: other processes' work is in it."""

    def __init__(self, powercap: Path = POWERCAP) -> None:
        self._packages = sorted(powercap.glob("intel-rapl:[0-9]*")) if powercap.is_dir() else []
        self._packages = [one for one in self._packages if one.name.count(":") == 1 and _text(one / "name").startswith("package")]
        self._why_not = "" if self._packages else "no CPU energy counter (RAPL), as in most virtual machines"
        self._clocks_hz = _clock_hz()
        self._start_s = time.monotonic()
        self._before = self._read()

    def stop(self) -> Readings:
        """Mean power and clock since the start."""
        window_s, after, seen = time.monotonic() - self._start_s, self._read(), Readings()
        clocks = [*self._clocks_hz, *_clock_hz()]
        if clocks:
            seen.metrics["cpu_clock_hz"] = sum(clocks) / len(clocks)
        else:
            seen.absent["cpu_clock_hz"] = "the CPU clock is not visible"
        if self._why_not:
            seen.absent["mean_power_w"] = self._why_not
        elif window_s < SHORTEST_S:
            seen.absent["mean_power_w"] = f"{window_s * 1e3:.0f} ms is too short a window: raise --case-budget"
        else:
            seen.metrics["mean_power_w"] = sum(map(_grown, self._before, after, self._packages)) / 1e6 / window_s
        return seen

    def _read(self) -> list[int]:
        """Microjoules of each package."""
        try:
            return [int((one / "energy_uj").read_text(encoding="ascii")) for one in self._packages]
        except PermissionError:
            self._why_not = f"only root may read {POWERCAP}/intel-rapl*/energy_uj: grant it with chmod a+r"
        except (OSError, ValueError) as error:
            self._why_not = f"the CPU's energy counter cannot be read ({error})"
        return [0] * len(self._packages)


def _grown(before: int, after: int, package: Path) -> int:
    """Microjoules between two readings of a counter that starts again at its range."""
    return after - before if after >= before else after - before + int(_text(package / "max_energy_range_uj") or 0)


def _clock_hz() -> list[float]:
    try:
        found = psutil.cpu_freq()
    except Exception:  # noqa: BLE001 - psutil raises what the platform raises
        return []
    return [found.current * 1e6] if found and found.current else []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
