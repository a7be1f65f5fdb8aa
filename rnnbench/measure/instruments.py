"""Instruments that run alongside a device's timed rounds, and what follows from their readings."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from statistics import fmean, median
from typing import Protocol

from rnnbench.device.devices import Device
from rnnbench.device.load import LoadWatch
from rnnbench.device.readings import Readings
from rnnbench.measure.probes.kernels import launched
from rnnbench.measure.train_step import Part
from rnnbench.record import ON_DEVICE

BURSTS, AT_ONCE_S = 3, 0.1  # bursts of steps back to back, and the seconds of each
FEWEST_AT_ONCE, MOST_AT_ONCE = 2, 200
ROUNDS = 5  # steps timed by device events
MORE_THAN_TIMED = "a step of this phase does more than is timed"
UNLIKE_STEPS = "kernels are those of one batch, and batches differ in work"


class Watch(Protocol):
    """An instrument that records from its creation to `stop()`."""

    def stop(self) -> Readings:
        """Stop and return the readings."""


class Watches:
    """The instruments for any timed work: load by other processes and the device's own instrument. Records from creation to `stop()`."""

    def __init__(self, device: Device) -> None:
        self._load, self._own = LoadWatch(), watch(device)

    def stop(self) -> Readings:
        """The readings of both. Load is omitted if the window was too short."""
        readings = Readings()
        if (load := self._load.stop()) is not None:
            readings.add(Readings(metrics=load.metrics(), notes=load.notes()))
        if self._own is not None:
            readings.add(self._own.stop())
        return readings


def watch(device: Device) -> Watch | None:
    """The instrument of a device, or None."""
    if device.is_cpu:
        from rnnbench.device.cpu_watch import CpuWatch

        return CpuWatch()
    if device.torch.type == "cuda":
        from rnnbench.device.gpu_watch import GpuWatch
        from rnnbench.device.nvml import Gpu

        return GpuWatch(partial(Gpu, device.index, device.uuid()))
    return None


def is_slowed(readings: Readings) -> bool:
    """Whether the device throttled for so much of the time that its figures are not representative."""
    if "throttled_share" not in readings.metrics:
        return False
    from rnnbench.device.gpu_watch import MUCH

    return readings.metrics["throttled_share"] > MUCH


def cool_down(device: Device) -> float:
    """Wait until the device no longer throttles. Returns the seconds that it took."""
    from rnnbench.device.gpu_watch import cool_down as cool
    from rnnbench.device.nvml import Gpu

    return cool(partial(Gpu, device.index, device.uuid()))


def counted_energy(device: Device, step: Callable[[], None], budget_s: float, tokens: float | None) -> Readings:
    """Energy of a step, measured in separate rounds, on CUDA."""
    from rnnbench.device.nvml import Gpu
    from rnnbench.measure.energy import energy

    return energy(device, step, budget_s, tokens, partial(Gpu, device.index, device.uuid()))


def energy(metrics: Mapping[str, float], absent: Mapping[str, str], tokens: float | None, *, other_work: str = "") -> Readings:
    """Energy per step and per token: mean power over the timed rounds × median step time. Absent if the rounds contained `other_work`."""
    readings = Readings()
    if other_work and "mean_power_w" in metrics:
        why = f"the rounds' power is that of {other_work} too: measure energy in separate rounds with --energy-budget"
        readings.absent.update(dict.fromkeys(("step_energy_j", "token_energy_j"), why))
        return readings
    if (power_w := metrics.get("mean_power_w")) is None:
        readings.absent.update(dict.fromkeys(("step_energy_j", "token_energy_j"), absent.get("mean_power_w", "no power was measured")))
        return readings
    readings.metrics["step_energy_j"] = power_w * metrics["step_time_s"]
    if tokens:
        readings.metrics["token_energy_j"] = readings.metrics["step_energy_j"] / tokens
    return readings


def back_to_back(step: Callable[[], None], clock: Callable[[], float], step_s: float, limit_s: float, turn: int = 1) -> Readings:
    """Step time if many steps follow each other without synchronisation, as in a training loop. Runs extra rounds, for at most
    `limit_s` if two steps per burst fit into it. Where batches differ in work, a burst is whole turns of `turn` steps."""
    burst_s = min(AT_ONCE_S, limit_s / BURSTS)
    count = max(FEWEST_AT_ONCE, min(MOST_AT_ONCE, round(burst_s / max(step_s, 1e-9))))
    count = -(-count // turn) * turn
    each = []
    for _ in range(BURSTS):
        before = clock()
        for _ in range(count):
            step()
        each.append((clock() - before) / count)
    return Readings(metrics={"back_to_back_s": median(each)})


def device_time(device: Device, step: Callable[[], None], turn: int = 1) -> Readings:
    """Step time by the device's own events. Runs extra rounds. Where batches differ in work, it is the mean of a turn of `turn` steps."""
    spans = [found for found in (device.span(step) for _ in range(turn if turn > 1 else ROUNDS)) if found is not None]
    middle = fmean if turn > 1 else median
    return Readings(metrics={"device_time_s": middle([one.device_s for one in spans])} if spans else {})


def device_parts(device: Device, next_batch: Callable[[], None], parts: Sequence[Part], turn: int = 1) -> Readings:
    """Seconds of each part of a train step by device events, without synchronising in between. Runs extra rounds. Where batches differ
    in work, it is the mean of a turn of `turn` steps."""
    if not device.has_events:
        return Readings()
    spent: dict[str, list[float]] = defaultdict(list)
    for _ in range(turn if turn > 1 else ROUNDS):
        next_batch()
        marks = [device.event()]
        for _, part in parts:
            part()
            marks.append(device.event())
        device.synchronize()
        took: Counter[str] = Counter()
        for (name, _), (start, end) in zip(parts, pairwise(marks), strict=True):
            took[ON_DEVICE[name]] += start.elapsed_time(end) / 1e3
        for name, seconds in took.items():
            spent[name].append(seconds)
    middle = fmean if turn > 1 else median
    return Readings(metrics={name: middle(seconds) for name, seconds in spent.items()})


def launches(device: Device, step: Callable[[], None], step_time_s: float | None, why_not: str = MORE_THAN_TIMED) -> Readings:
    """Kernels of a further step, as the device's profiler has them, and for how much of `step_time_s` the device waited for the next;
    without it, `why_not`."""
    readings = Readings()
    try:
        found = launched(step, device)
    except LookupError as error:
        readings.absent.update(dict.fromkeys(("kernel_launches", "kernel_time_s", "device_wait_share"), str(error)))
        return readings
    readings.metrics.update(kernel_launches=found.kernels, kernel_time_s=found.busy_s)
    if step_time_s is None:
        readings.absent["device_wait_share"] = why_not
    else:
        readings.metrics["device_wait_share"] = max(0.0, 1 - found.busy_s / step_time_s)
    return readings
