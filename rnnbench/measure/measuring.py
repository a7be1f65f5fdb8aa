"""One case, from first to last: probe, build, warm up, time, weigh. Knows nothing of pytest; `time_rounds` does the timing."""

import gc
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, fmean, median, quantiles, stdev

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.measure import instruments, kernels, memory
from rnnbench.measure.devices import Clock, Device
from rnnbench.measure.footprint import refuse_oversize
from rnnbench.measure.precision import Format, in_format
from rnnbench.measure.seen import Seen
from rnnbench.measure.steady import Warmup, warm_up
from rnnbench.measure.workload import NO_CLIPPING, NO_COMMUNICATION, Work, Workload, probe
from rnnbench.record import Point

Step = Callable[[], None]
TimeRounds = Callable[[Step, Clock, float], Sequence[float]]
"""Runs a step under a clock until precise or out of budget, told what a step takes; returns the seconds of each round."""
Beside = Callable[[Work], tuple[str, Step]]
Make = Callable[[Case, Device, Format, Clock], Work]

IN_TURN = "another process took turns with this one"
WHOLE = ("forward", "train")  # phases whose step is all timed; in others it also makes ready what is timed
PART_ROUNDS = 5  # extra rounds for the parts of a step, where reading the clock within it would disturb it


@dataclass(slots=True)
class Measurement(Seen):
    """What was seen of one case, by instruments and else."""

    times_s: tuple[float, ...] = ()
    beside: str = ""
    beside_times_s: tuple[float, ...] = ()
    curve: list[Point] = field(default_factory=list)
    kernels: tuple[str, ...] = ()


def measure_case(
    case: Case,
    budget: Budget,
    time_rounds: TimeRounds,
    *,
    beside: Beside | None = None,
    make: Make = Workload,
    skip_oversize: bool = False,
    name_kernels: bool = False,
    in_turn: bool = False,
) -> Measurement:
    """Measure `case`; `in_turn` with another process, whose work would be taken for others' load.

    Raises Unsupported, Diverged, an out-of-memory error, or whatever the variant raises."""
    device = Device(case.device)
    clock = Clock(device)
    gc.collect()  # where cases share a process, what the one before held is not this one's peak
    resident = memory.ResidentPeak()
    with in_format(case.precision, device) as form:
        if skip_oversize:
            refuse_oversize(case, device, form)
        probe(case, device, form)
        work = make(case, device, form, clock)
        if beside is not None:
            work.beside_name, work.beside = beside(work)
        seen = Measurement(beside=work.beside_name)
        warm = warm_up(work.step, clock, budget.max_time_s)
        work.check()
        device.reset_peaks()
        resident.reset()
        parts_s: dict[str, list[float]] = defaultdict(list)

        def timed() -> Seen:
            parts_s.clear()
            watches = None if in_turn else instruments.Watches(device)
            seen.times_s, seen.beside_times_s = _time(work, clock, lambda step, clock: time_rounds(step, clock, warm.best_s), parts_s)
            return watches.stop() if watches else Seen(absent=dict.fromkeys(("other_load_cores", "steal_share", "mean_power_w"), IN_TURN))

        found = timed()
        if instruments.is_slowed(found):
            waited_s = instruments.cool_down(device)
            found = timed()
            found.notes.append(f"throttled for most of its first rounds: these are of a second time, after a cool-down of {waited_s:.0f} s")
        seen.add(found)
        _peaks(seen, device, resident)
        _parts(seen, work, clock, parts_s)
        whole = case.phase in WHOLE
        if whole:
            seen.add(instruments.device_time(device, work.step))
        work.weigh(seen.metrics, seen.absent)
        seen.add(instruments.launches(device, work.step, median(seen.times_s) if whole else None))
        if name_kernels:  # the rounds are over
            seen.kernels = kernels.names(work.step, device)
        work.close()
    _rates(seen, case, work.tokens, budget, warm)
    seen.add(instruments.energy(seen.metrics, seen.absent, work.tokens))
    return seen


def _time(
    work: Work, clock: Clock, time_rounds: Callable[[Step, Clock], Sequence[float]], parts_s: dict[str, list[float]]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The timed rounds; what stands beside takes turns with the step, before or after it by the toss of a coin, off the clock."""
    step = work.step
    if work.train and work.device.is_cpu:  # a CPU's clock is read for nothing, so that every round shows its parts
        step = work.train.by_parts(time.perf_counter, parts_s)
    if work.beside is None:
        return tuple(time_rounds(step, clock)), ()
    other, coin, other_s = work.beside, random.Random(work.case.seed), []

    def run_other() -> None:
        before = clock()
        other()
        took_s = clock() - before  # what it pauses itself is not its time either
        other_s.append(round(took_s, 9))
        clock.skip(took_s)

    def both() -> None:
        if coin.random() < 0.5:
            run_other()
            step()
        else:
            step()
            run_other()

    run_other()
    other_s.clear()
    times = tuple(time_rounds(both, clock))
    return times, _aligned(other_s, len(times))


def _aligned(other_s: list[float], rounds: int) -> tuple[float, ...]:
    """The seconds that belong to the timed rounds: pytest-benchmark calibrates before them and runs once more after."""
    return tuple(other_s[-rounds - 1 : -1])


def _peaks(seen: Measurement, device: Device, resident: memory.ResidentPeak) -> None:
    """Peak memory since the reset after warm-up."""
    counted = device.peaks()
    seen.metrics.update(counted)
    for name in ("peak_allocated_bytes", "peak_reserved_bytes"):
        if name not in counted:
            seen.absent[name] = f"{device.name} keeps no such count; see {resident.METRIC}"
    if not device.is_cpu:
        seen.absent[resident.METRIC] = "resident memory of the host says nothing of the device's"
        return
    try:
        seen.metrics[resident.METRIC] = resident.growth_bytes()
    except LookupError as error:
        seen.absent[resident.METRIC] = str(error)


def _parts(seen: Measurement, work: Work, clock: Clock, parts_s: dict[str, list[float]]) -> None:
    """Median time of each part of a train step."""
    if work.train is None:
        return
    if not parts_s:
        step = work.train.by_parts(clock, parts_s)
        for _ in range(PART_ROUNDS):
            step()
        seen.add(instruments.device_parts(work.device, work.next_batch, work.train.parts))
    rounds = len(seen.times_s)
    seen.metrics.update({name: median(spent[-rounds - 1 :]) for name, spent in parts_s.items()})


def _rates(seen: Measurement, case: Case, tokens: int | None, budget: Budget, warm: Warmup) -> None:
    """Figures that follow from the raw samples, and what to think of them."""
    times, metrics = seen.times_s, seen.metrics
    metrics["step_time_s"] = middle = median(times)
    if tokens is None:
        seen.absent.update(dict.fromkeys(("tokens_per_s", "sequences_per_s"), "no tokens pass in this phase"))
    else:
        metrics["tokens_per_s"] = tokens / middle
        if case.phase == "decode":
            seen.absent["sequences_per_s"] = "a step of decoding is no sequence"
            _tail(seen)
        else:
            metrics["sequences_per_s"] = tokens / case.seq_len / middle
    metrics.update(rounds=len(times), measured_s=sum(times), warmup_rounds=warm.rounds, warmup_s=warm.seconds)
    if seen.beside_times_s:
        metrics["beside_time_s"] = median(seen.beside_times_s)
        pairs = list(zip(times, seen.beside_times_s, strict=True))
        metrics["beside_ratio"] = median(a / b for a, b in pairs)
        if seen.beside == NO_CLIPPING:
            metrics["clip_cost_s"] = median(a - b for a, b in pairs)
        if seen.beside == NO_COMMUNICATION:
            metrics["communication_s"] = median(a - b for a, b in pairs)
            metrics["communication_share"] = median(1 - b / a for a, b in pairs)
    width = half_width(times, budget.confidence)
    if width is None:
        seen.absent["half_width_ratio"] = "one round has no spread"
    else:
        metrics["half_width_ratio"] = width
        if width > budget.precision:
            seen.notes.append(
                f"half-width ±{width:.1%} after {sum(times):.1f} s, wanted ±{budget.precision:.1%}:"
                " quiet the machine or raise --case-budget"
            )
    if not warm.steady:
        seen.notes.append(f"not steady after {warm.seconds:.1f} s of warm-up: raise --case-budget")


def _tail(seen: Measurement) -> None:
    """What the slowest steps take, where at least five of the samples lie beyond."""
    for percent in (95, 99):
        name, wanted = f"p{percent}_s", 500 // (100 - percent)
        if len(seen.times_s) < wanted:
            seen.absent[name] = f"needs {wanted} rounds, these were {len(seen.times_s)}: raise --case-budget"
        else:
            seen.metrics[name] = quantiles(seen.times_s, n=100)[percent - 1]


def half_width(times_s: Sequence[float], confidence: float) -> float | None:
    """Half-width of the mean's normal confidence interval ÷ the mean: the rule that pytest-benchmark stops by. None for one sample."""
    if len(times_s) < 2:
        return None
    return float(NormalDist().inv_cdf(0.5 + confidence / 2) * stdev(times_s) / len(times_s) ** 0.5 / fmean(times_s))
