"""One case from start to finish: probe, build, warm up, time, weigh."""

import gc
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, fmean, median, quantiles, stdev

from rnnbench.budget import TAIL_ROUNDS, Budget
from rnnbench.case import Case
from rnnbench.device import torch_state
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import Format, in_format
from rnnbench.device.readings import Readings
from rnnbench.measure import agreement, instruments
from rnnbench.measure.footprint import refuse_oversize
from rnnbench.measure.probes import kernels, memory
from rnnbench.measure.rounds import check_after, run_rounds
from rnnbench.measure.steady import Warmup, warm_up
from rnnbench.measure.stream import TIMED_AT, times_along
from rnnbench.measure.workload import NO_CLIPPING, NO_COMMUNICATION, Work, Workload
from rnnbench.record import Point

Step = Callable[[], None]
TimeRounds = Callable[[Step, Clock, float], Sequence[float]]
"""Runs a step under a clock until the mean is precise or the budget is spent, given the step time; returns the seconds of each round."""
Beside = Callable[[Work], tuple[str, Step]]
Make = Callable[[Case, Device, Format, Clock], Work]

IN_TURN = "measured in turn with another process"
WHOLE = ("forward", "train")  # phases whose step is timed as a whole; in others, part of it is preparation
ALONE_STEPS = 4  # so that each of the rotating batches is used once
CAPTURED = ("cudagraph", "compile_reduce_overhead")
TRUE_BF16 = "_cudnn_rnn bfloat16"
BF16_NOTE = "bf16 is true bf16 here: under autocast alone torch runs cuDNN's recurrent networks in fp16, without a loss scale"
PART_ROUNDS = 5  # extra rounds for the parts of a step, if reading the clock within the step would disturb it


@dataclass(slots=True)
class Measurement(Readings):
    """Everything measured of one case."""

    times_s: tuple[float, ...] = ()
    beside: str = ""
    beside_times_s: tuple[float, ...] = ()
    device_times_s: tuple[float, ...] = ()
    curve: list[Point] = field(default_factory=list)
    kernels: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


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
    """Measure `case`. `in_turn`: another process alternates with this one, so its work must not count as load by others.

    Raises Unsupported, Diverged, an out-of-memory error, or whatever the variant raises."""
    device = Device(case.device)
    seen = Measurement()
    gc.collect()  # if cases share a process, memory of the previous case must not count in this one's peak
    device.forget()
    with torch_state.measuring(seen.notes), in_format(case.precision, device) as form:
        clock, resident = Clock(device), memory.ResidentPeak()
        kind = make if isinstance(make, type) and issubclass(make, Workload) else Workload
        if skip_oversize and kind.PREDICTED:
            refuse_oversize(case, device, form)
        kind.probe(case, device, form)
        work = make(case, device, form, clock)
        if isinstance(work, Workload):
            work.read_stream(budget.max_time_s)
        settings = torch_state.TorchState()
        warm = warm_up(work.step, clock, budget.max_time_s)
        work.check()
        device.reset_peaks()
        resident.reset()
        if beside is not None:
            _alone(work, seen, device, resident)
            work.beside_name, work.beside = beside(work)
            device.synchronize()  # weights and batches must be on the device before anything is timed
        seen.beside = work.beside_name
        parts_s: dict[str, list[float]] = defaultdict(list)
        turn = work.turns if work.uneven else 1

        def timed() -> Readings:
            parts_s.clear()
            watches = None if in_turn else instruments.Watches(device)
            rounds = run_rounds(work, clock, lambda step, clock: time_rounds(step, clock, warm.best_s * turn), parts_s)
            seen.times_s, seen.beside_times_s, seen.device_times_s = rounds
            return (
                watches.stop() if watches else Readings(absent=dict.fromkeys(("other_load_cores", "steal_share", "mean_power_w"), IN_TURN))
            )

        found = timed()
        if instruments.is_slowed(found):
            waited_s = instruments.cool_down(device)
            found = timed()
            found.notes.append(
                f"throttled during most of the first attempt; these rounds were measured again after cooling down for {waited_s:.0f} s"
            )
        seen.add(found)
        if beside is None:
            _peaks(seen, work, resident)
        check_after(work, warm.best_s)
        seen.notes += [f"its steps changed {change}" for change in settings.changes()]
        _beyond_rounds(seen, work, clock, parts_s, budget)
        if name_kernels:  # the rounds are over
            work.rewind()
            seen.kernels = kernels.names(work.step, device)
        if isinstance(work, Workload):
            agreement.weigh(work, warm.best_s, budget.max_time_s, seen.metrics, seen.absent, seen.notes)
        seen.notes += [note for note in work.notes if note not in seen.notes]
        work.close()
    _rates(seen, work, budget, warm)
    if "step_energy_j" not in seen.metrics and not (budget.energy_s and device.torch.type == "cuda"):
        seen.add(instruments.energy(seen.metrics, seen.absent, work.tokens, other_work=_other_work(seen, case)))
    return seen


def _other_work(seen: Measurement, case: Case) -> str:
    """The work in the timed rounds other than the step."""
    return seen.beside or ("the forward pass before it" if case.phase == "backward" else "")


def _beyond_rounds(seen: Measurement, work: Work, clock: Clock, parts_s: dict[str, list[float]], budget: Budget) -> None:
    """Figures from extra steps: parts, other positions of a stream, memory, operators and launches."""
    case, device = work.case, work.device
    whole, turn = case.phase in WHOLE, work.turns if work.uneven else 1
    _parts(seen, work, clock, parts_s)
    if isinstance(work, Workload):
        work.check_learned()
        if work.stream is not None:
            seen.metrics[TIMED_AT] = median(seen.times_s)
            along, why_not = times_along(work.stream, work.step, clock, budget.max_time_s)
            seen.add(Readings(metrics=along, absent=why_not))
    if seen.device_times_s:
        seen.metrics["device_time_s"] = median(seen.device_times_s)
    elif whole:
        seen.add(instruments.device_time(device, work.step, turn))
    if whole and not device.is_cpu and case.processes == 1:
        seen.add(instruments.back_to_back(work.step, clock, median(seen.times_s), budget.max_time_s, turn))
    if budget.energy_s and device.torch.type == "cuda":
        if case.phase == "backward":
            seen.absent.update(dict.fromkeys(("step_energy_j", "token_energy_j"), "a step of this phase does more than is timed"))
        else:
            seen.add(instruments.counted_energy(device, work.step, budget.energy_s, work.tokens))
    work.rewind()
    work.weigh(seen.metrics, seen.absent)
    _forms(seen, work)
    work.rewind()
    step_time_s = median(seen.times_s) if whole and not work.uneven else None
    why_no_wait = instruments.UNLIKE_STEPS if whole else instruments.MORE_THAN_TIMED
    seen.add(instruments.launches(device, work.step, step_time_s, why_no_wait))


def _forms(seen: Measurement, work: Work) -> None:
    """What the step actually ran: forms of its layers, number formats of its products, how much of it was compiled."""
    seen.notes += work.forms()
    seen.types = getattr(work, "types", ())
    if (made := getattr(work, "compiled", None)) is not None and made.breaks:
        seen.notes.append(f"torch.compile made {made.graphs} graphs with {made.breaks} breaks, the first for: {made.why}")
    if work.case.precision == "bf16" and TRUE_BF16 in seen.types:
        seen.notes.append(BF16_NOTE)


def _alone(work: Work, seen: Measurement, device: Device, resident: memory.ResidentPeak) -> None:
    """Memory peaks before the reference network is built, whose weights and batches would count too. For a stream, over all of it."""
    for _ in range(work.case.seq_len if work.case.phase == "decode" else ALONE_STEPS):
        work.step()
    device.synchronize()
    _peaks(seen, work, resident)


def _peaks(seen: Measurement, work: Work, resident: memory.ResidentPeak) -> None:
    """Peak memory since the reset after warm-up."""
    device, counted = work.device, work.device.peaks()
    if work.case.execution in CAPTURED and device.torch.type == "cuda":
        counted.pop("peak_allocated_bytes", None)
        counted["graph_pool_bytes"] = device.graph_pool_bytes()
        why = "a CUDA graph's tensors count as freed once it is captured: see graph_pool_bytes and peak_reserved_bytes"
        seen.absent.update(peak_allocated_bytes=why, workspace_bytes=why)
    seen.metrics.update(counted)
    for name in ("peak_allocated_bytes", "peak_reserved_bytes"):
        if name not in counted and name not in seen.absent:
            seen.absent[name] = f"{device.name} has no such counter; see {resident.METRIC}"
    if not device.is_cpu:
        seen.absent[resident.METRIC] = "host memory says nothing about device memory"
        return
    try:
        if growth := resident.growth_bytes():
            seen.metrics[resident.METRIC] = growth
        else:
            seen.absent[resident.METRIC] = "no more than the process held before the model"
    except LookupError as error:
        seen.absent[resident.METRIC] = str(error)


def _parts(seen: Measurement, work: Work, clock: Clock, parts_s: dict[str, list[float]]) -> None:
    """Median time of each part of a train step; where batches differ in work, its mean over whole turns."""
    if work.train is None:
        return
    turn, middle = (work.turns, fmean) if work.uneven else (1, median)
    rounds = len(seen.times_s) * turn
    after = turn if work.uneven else 0  # pytest-benchmark calls once more after the rounds; of steps that are alike it may count
    if not parts_s:
        step = work.train.by_parts(clock, parts_s)
        rounds, after = turn if work.uneven else PART_ROUNDS, 0
        for _ in range(rounds):
            step()
        seen.add(instruments.device_parts(work.device, work.next_batch, work.train.parts, turn))
    first = -rounds - after if work.uneven else -rounds - 1
    seen.metrics.update({name: middle(spent[first : len(spent) - after]) for name, spent in parts_s.items()})


def _rates(seen: Measurement, work: Work, budget: Budget, warm: Warmup) -> None:
    """Figures derived from the raw samples, with notes on their precision."""
    times, metrics = seen.times_s, seen.metrics
    metrics["step_time_s"] = middle = median(times)
    for name, count in (("tokens_per_s", work.tokens), ("sequences_per_s", work.sequences)):
        if count is None:
            seen.absent.setdefault(name, "this phase processes no tokens")
        else:
            metrics[name] = count / middle
    if work.case.phase == "decode":
        seen.absent["sequences_per_s"] = "a decoding step is not a sequence"
        _tail(seen)
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
                " use a quieter machine or raise --case-budget"
            )
    if not warm.steady:
        seen.notes.append(f"not steady after {warm.seconds:.1f} s of warm-up: raise --case-budget")


def _tail(seen: Measurement) -> None:
    """Percentiles of the slowest steps, if at least five samples lie beyond them."""
    for percent in (95, 99):
        name = f"p{percent}_s"
        wanted = TAIL_ROUNDS[name]
        if len(seen.times_s) < wanted:
            seen.absent[name] = f"needs {wanted} rounds, got {len(seen.times_s)}: raise --case-budget"
        else:
            seen.metrics[name] = quantiles(seen.times_s, n=100)[percent - 1]


def half_width(times_s: Sequence[float], confidence: float) -> float | None:
    """Half-width of the mean's normal confidence interval ÷ the mean: pytest-benchmark's stopping rule. None for one sample."""
    if len(times_s) < 2:
        return None
    return float(NormalDist().inv_cdf(0.5 + confidence / 2) * stdev(times_s) / len(times_s) ** 0.5 / fmean(times_s))
