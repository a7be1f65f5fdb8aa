"""A GPU while a case was timed: energy, clocks, temperature, throttling, other processes. Polled ten times a second."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from statistics import fmean
from typing import TypeVar

from rnnbench.device.nvml import Absent, Gpu
from rnnbench.device.readings import Readings

T = TypeVar("T")
EVERY_S = 0.1  # the energy counter moves about as often
SHORTEST_WINDOW_S = 2.0
FEWEST_UPDATES = 20  # of the energy counter, where the window is shorter
CALM_S = 2.0  # without throttling, before a cool-down is over
MUCH = 0.5  # of the samples throttled: the figure is of another machine


class GpuWatch:
    """From its making to `stop()`. Where NVML cannot be reached, every figure is absent with that reason."""

    def __init__(self, open_gpu: Callable[[], Gpu]) -> None:
        self._why_not = ""
        self._values: dict[str, list[float]] = {name: [] for name in _SAMPLED}
        self._lost: dict[str, str] = {}
        self._throttled: list[tuple[str, ...]] = []
        self._energy: list[float] = []
        self._power_w: list[float] = []
        self._end = threading.Event()
        self._start_s = time.monotonic()
        try:
            self._gpu = open_gpu()
        except Absent as error:
            self._why_not = str(error)
            return
        self._sample()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> Readings:
        """Everything that was seen, each figure or its reason."""
        if self._why_not:
            return Readings(absent=dict.fromkeys(FIGURES, self._why_not))
        self._end.set()
        self._thread.join()
        self._sample()
        seen = Readings()
        for name, values in self._values.items():
            if name in self._lost or not values:
                seen.absent[name] = self._lost.get(name, "never sampled")
            else:
                seen.metrics[name] = _SAMPLED[name](values)
        self._power(seen, time.monotonic() - self._start_s)
        self._slowed(seen)
        self._company(seen)
        return seen

    def _run(self) -> None:
        while not self._end.wait(EVERY_S):
            self._sample()

    def _sample(self) -> None:
        for name, values in self._values.items():
            self._note(name, getattr(self._gpu, name), values)
        self._note("throttled_share", self._gpu.throttled_for, self._throttled)
        self._note("mean_power_w", self._gpu.energy_j, self._energy)
        if "mean_power_w" in self._lost and not self._gpu.is_part:
            self._note("power_samples", self._gpu.power_w, self._power_w)

    def _note(self, name: str, ask: Callable[[], T], values: list[T]) -> None:
        """What failed once is not asked again: half a window is no figure."""
        if name in self._lost:
            return
        try:
            values.append(ask())
        except Absent as error:
            self._lost[name] = str(error)

    def _power(self, seen: Readings, window_s: float) -> None:
        """Joules of the whole device ÷ the window; none where the counter moved too seldom to tell.

        Where there is no counter, the mean of power samples stands in, and a note says so: the driver averages each over up to a second.
        """
        if why := self._lost.get("mean_power_w"):
            enough = len(self._power_w) >= FEWEST_UPDATES and window_s >= SHORTEST_WINDOW_S and "power_samples" not in self._lost
            if enough:
                seen.metrics["mean_power_w"] = fmean(self._power_w)
                seen.notes.append(f"energy is integrated from {len(self._power_w)} samples of power, not counted: {why}")
            else:
                seen.absent["mean_power_w"] = why
            return
        updates = len(set(self._energy)) - 1
        if window_s < SHORTEST_WINDOW_S and updates < FEWEST_UPDATES:
            seen.absent["mean_power_w"] = (
                f"the energy counter moved {updates} times in {window_s:.1f} s; wanted {FEWEST_UPDATES} times or {SHORTEST_WINDOW_S:g} s:"
                " raise --case-budget"
            )
        elif updates == 0:
            seen.absent["mean_power_w"] = f"the energy counter did not move in {window_s:.1f} s"
        else:
            seen.metrics["mean_power_w"] = (self._energy[-1] - self._energy[0]) / window_s

    def _slowed(self, seen: Readings) -> None:
        if why := self._lost.get("throttled_share"):
            seen.absent["throttled_share"] = why
            return
        slowed = [one for one in self._throttled if one]
        seen.metrics["throttled_share"] = share = len(slowed) / len(self._throttled)
        if slowed:
            reasons = ", ".join(why for why, _ in Counter(why for one in slowed for why in one).most_common())
            todo = "measure again after it cools down, or lock lower clocks" if share > MUCH else "lock the clocks for steady figures"
            seen.notes.append(f"throttled: the GPU throttled ({reasons}) in {share:.0%} of the samples: {todo}")

    def _company(self, seen: Readings) -> None:
        """This process's memory as the driver counts it, and how many others there are."""
        names = ("gpu_process_bytes", "other_gpu_processes")
        try:
            held = self._gpu.processes()
        except Absent as error:
            seen.absent.update(dict.fromkeys(names, str(error)))
            return
        if os.getpid() not in held:
            why = "the driver does not list this process: containers have their own process ids (start it with --pid=host)"
            seen.absent.update(dict.fromkeys(names, why))
            return
        own = held.pop(os.getpid())
        if own is None:
            seen.absent["gpu_process_bytes"] = "the driver does not state the memory of a process here"
        else:
            seen.metrics["gpu_process_bytes"] = own
        seen.metrics["other_gpu_processes"] = len(held)
        if held:
            seen.notes.append(f"contended: {len(held)} other processes compute on this GPU: end them, or choose another GPU with --device")


def cool_down(open_gpu: Callable[[], Gpu], most_s: float = 60.0) -> float:
    """Wait until the GPU no longer slows itself for heat or power, `most_s` at most; the seconds that it took."""
    start_s, calm_since_s = time.monotonic(), None
    try:
        gpu = open_gpu()
        while (now_s := time.monotonic()) - start_s < most_s:
            calm_since_s = None if gpu.throttled_for() else calm_since_s or now_s
            if calm_since_s is not None and now_s - calm_since_s >= CALM_S:
                break
            time.sleep(EVERY_S)
    except Absent:
        pass
    return time.monotonic() - start_s


_SAMPLED: dict[str, Callable[[list[float]], float]] = {
    "sm_clock_hz": fmean,
    "memory_clock_hz": fmean,
    "temperature_celsius": max,
    "busy_share": fmean,
}
FIGURES = (*_SAMPLED, "mean_power_w", "throttled_share", "gpu_process_bytes", "other_gpu_processes")
