"""Instruments that run alongside a device's timed rounds, and what follows from their readings."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Protocol

from rnnbench.device.devices import Device
from rnnbench.device.load import LoadWatch
from rnnbench.device.readings import Readings
from rnnbench.measure.probes.kernels import launched
from rnnbench.measure.train_step import Part
from rnnbench.record import ON_DEVICE

BURSTS, AT_ONCE_S = 3, 0.1  # of steps back to back, and the seconds that each is to take
FEWEST_AT_ONCE, MOST_AT_ONCE = 2, 200
ROUNDS = 5  # of a step between two of the device's own events


class Watch(Protocol):
    """Watches from its making to `stop()`."""

    def stop(self) -> Readings:
        """What it saw."""


class Watches:
    """What stands beside any timed work: others' load and the device's own instrument. From its making to `stop()`."""

    def __init__(self, device: Device) -> None:
        self._load, self._own = LoadWatch(), watch(device)

    def stop(self) -> Readings:
        """What both saw; of too short a window no load is told."""
        seen = Readings()
        if (load := self._load.stop()) is not None:
            seen.add(Readings(metrics=load.metrics(), notes=load.notes()))
        if self._own is not None:
            seen.add(self._own.stop())
        return seen


def watch(device: Device) -> Watch | None:
    """The instrument of a device; none where it has none."""
    if device.is_cpu:
        from rnnbench.device.cpu_watch import CpuWatch

        return CpuWatch()
    if device.torch.type == "cuda":
        from rnnbench.device.gpu_watch import GpuWatch
        from rnnbench.device.nvml import Gpu

        return GpuWatch(partial(Gpu, device.index, device.uuid()))
    return None


def is_slowed(seen: Readings) -> bool:
    """Did the device slow itself for so much of the time that the figures are of another machine?"""
    if "throttled_share" not in seen.metrics:
        return False
    from rnnbench.device.gpu_watch import MUCH

    return seen.metrics["throttled_share"] > MUCH


def cool_down(device: Device) -> float:
    """Wait until the device no longer slows itself; the seconds that it took."""
    from rnnbench.device.gpu_watch import cool_down as cool
    from rnnbench.device.nvml import Gpu

    return cool(partial(Gpu, device.index, device.uuid()))


def counted_energy(device: Device, step: Callable[[], None], budget_s: float, tokens: float | None) -> Readings:
    """Energy of a step in rounds of its own, on CUDA."""
    from rnnbench.device.nvml import Gpu
    from rnnbench.measure.energy import energy

    return energy(device, step, budget_s, tokens, partial(Gpu, device.index, device.uuid()))


def energy(metrics: Mapping[str, float], absent: Mapping[str, str], tokens: float | None, *, other_work: str = "") -> Readings:
    """Energy of a step and of a token: the mean power over the timed rounds × the median step time. `other_work` is what else the rounds
    held: then there is none."""
    seen = Readings()
    if other_work and "mean_power_w" in metrics:
        why = f"the rounds' power is that of {other_work} too: measure energy in separate rounds with --energy-budget"
        seen.absent.update(dict.fromkeys(("step_energy_j", "token_energy_j"), why))
        return seen
    if (power_w := metrics.get("mean_power_w")) is None:
        seen.absent.update(dict.fromkeys(("step_energy_j", "token_energy_j"), absent.get("mean_power_w", "no power was measured")))
        return seen
    seen.metrics["step_energy_j"] = power_w * metrics["step_time_s"]
    if tokens:
        seen.metrics["token_energy_j"] = seen.metrics["step_energy_j"] / tokens
    return seen


def back_to_back(step: Callable[[], None], clock: Callable[[], float], step_s: float, limit_s: float) -> Readings:
    """How long a step takes where many follow each other before the device is waited for, as in a training loop. Runs further rounds,
    for `limit_s` at most where two steps a burst fit in it."""
    burst_s = min(AT_ONCE_S, limit_s / BURSTS)
    count = max(FEWEST_AT_ONCE, min(MOST_AT_ONCE, round(burst_s / max(step_s, 1e-9))))
    each = []
    for _ in range(BURSTS):
        before = clock()
        for _ in range(count):
            step()
        each.append((clock() - before) / count)
    return Readings(metrics={"back_to_back_s": median(each)})


def device_time(device: Device, step: Callable[[], None]) -> Readings:
    """How long the device took over a step by its own events. Runs further rounds."""
    spans = [found for found in (device.span(step) for _ in range(ROUNDS)) if found is not None]
    return Readings(metrics={"device_time_s": median(one.device_s for one in spans)} if spans else {})


def device_parts(device: Device, next_batch: Callable[[], None], parts: Sequence[Part]) -> Readings:
    """Seconds of each part of a train step between the device's own events, without waiting for it in between. Runs further rounds."""
    if not device.has_events:
        return Readings()
    spent: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
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
    return Readings(metrics={name: median(seconds) for name, seconds in spent.items()})


def launches(device: Device, step: Callable[[], None], step_time_s: float | None) -> Readings:
    """Kernels of a further step, as the device's profiler has them, and for how much of `step_time_s`, none where a step does more
    than is timed, the device waited for the next."""
    seen = Readings()
    try:
        found = launched(step, device)
    except LookupError as error:
        seen.absent.update(dict.fromkeys(("kernel_launches", "kernel_time_s", "device_wait_share"), str(error)))
        return seen
    seen.metrics.update(kernel_launches=found.kernels, kernel_time_s=found.busy_s)
    if step_time_s is None:
        seen.absent["device_wait_share"] = "a step of this phase does more than is timed"
    else:
        seen.metrics["device_wait_share"] = max(0.0, 1 - found.busy_s / step_time_s)
    return seen
