"""Energy, measured in separate rounds: the step alone, back to back, for as long as the GPU's counter needs.

The timed rounds are too short for a counter that updates ten times per second, and contain other work: the reference step, and whatever
runs off the clock. Here, several windows follow each other once the temperature has settled; the figure is the mean over windows.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.stats import t

from rnnbench.device.devices import Device
from rnnbench.device.gpu_watch import SHORTEST_WINDOW_S
from rnnbench.device.nvml import Absent, Gpu
from rnnbench.device.readings import Readings

MOST_WINDOWS = 5
SETTLING = 0.25  # maximum share of the time for the warm-up
SETTLED_CELSIUS = 1.0  # rise per second that still counts as settled
LOOK_S = 0.02  # interval between readings of the counter
CONFIDENCE = 0.95
FIGURES = ("step_energy_j", "token_energy_j", "energy_half_width_ratio")


@dataclass(frozen=True, slots=True)
class Window:
    """Steps run back to back: their number, seconds and joules, and the number of counter updates."""

    steps: int
    seconds: float
    joules: float
    moves: int


def energy(device: Device, step: Callable[[], None], budget_s: float, tokens: float | None, open_gpu: Callable[[], Gpu]) -> Readings:
    """Joules per step from windows that take `budget_s` together. Absent, with the reason, if there is no counter or it does not move."""
    if budget_s < SHORTEST_WINDOW_S:
        why = f"--energy-budget is {budget_s:g} s: a window of the energy counter takes {SHORTEST_WINDOW_S:g} s"
        return Readings(absent=dict.fromkeys(FIGURES, why))
    try:
        gpu = open_gpu()
        cold = gpu.temperature_celsius()
        settled_s = _settle(device, step, gpu, budget_s * SETTLING)
        left_s = budget_s - settled_s
        count = max(1, min(MOST_WINDOWS, int(left_s / SHORTEST_WINDOW_S)))
        windows = [_window(device, step, gpu, left_s / count) for _ in range(count)]
        warm = gpu.temperature_celsius()
    except Absent as error:
        return Readings(absent=dict.fromkeys(FIGURES, str(error)))
    if not all(one.moves for one in windows):
        why = f"the energy counter did not move in {windows[0].seconds:.1f} s"
        return Readings(absent=dict.fromkeys(FIGURES, why))
    return _figures(windows, tokens, cold, warm)


def _figures(windows: list[Window], tokens: float | None, cold: float, warm: float) -> Readings:
    """The figures from the windows."""
    each = [one.joules / one.steps for one in windows]
    seconds = sum(one.seconds for one in windows)
    found = Readings()
    found.metrics["step_energy_j"] = fmean(each)
    found.metrics["mean_power_w"] = sum(one.joules for one in windows) / seconds
    if tokens:
        found.metrics["token_energy_j"] = fmean(each) / tokens
    if len(each) > 1 and fmean(each):
        half = float(t.ppf(0.5 + CONFIDENCE / 2, len(each) - 1)) * stdev(each) / len(each) ** 0.5
        found.metrics["energy_half_width_ratio"] = half / fmean(each)
    else:
        found.absent["energy_half_width_ratio"] = "one window has no spread: raise --energy-budget"
    every = seconds / sum(one.moves for one in windows)
    found.notes.append(
        f"energy: {len(windows)} windows of {seconds / len(windows):.1f} s, steps back to back; the counter moved every {every:.2g} s;"
        f" {cold:.0f} °C before the warm-up, {warm:.0f} °C at the end"
    )
    return found


def _settle(device: Device, step: Callable[[], None], gpu: Gpu, most_s: float) -> float:
    """Run steps until the temperature no longer rises, for at most `most_s`. Returns the seconds that it took."""
    start_s = looked_s = time.monotonic()
    before = gpu.temperature_celsius()
    while (now_s := time.monotonic()) - start_s < most_s:
        step()
        if now_s - looked_s >= 1:
            device.synchronize()
            after = gpu.temperature_celsius()
            if after - before <= SETTLED_CELSIUS:
                break
            before, looked_s = after, now_s
    device.synchronize()
    return time.monotonic() - start_s


def _window(device: Device, step: Callable[[], None], gpu: Gpu, seconds: float) -> Window:
    """Run steps for `seconds`. The device is synchronised at both ends, so that the joules belong to these steps."""
    device.synchronize()
    last = begun = gpu.energy_j()
    start_s = looked_s = time.monotonic()
    steps = moves = 0
    while (now_s := time.monotonic()) - start_s < seconds:
        step()
        steps += 1
        if now_s - looked_s >= LOOK_S:
            looked_s = now_s
            if (seen := gpu.energy_j()) != last:
                moves, last = moves + 1, seen
    device.synchronize()
    return Window(steps, time.monotonic() - start_s, gpu.energy_j() - begun, moves)
