"""One case under torch.profiler: where the time of its steps goes. Nothing is timed for a record while it runs."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from torch.profiler import profile, record_function

from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import in_format
from rnnbench.measure.kinds import workload_of
from rnnbench.measure.probes.kernels import CPU, NOT_SEEN, activities, merged, of_device
from rnnbench.measure.profiling.causes import causes
from rnnbench.measure.profiling.timeline import snapshot, timeline
from rnnbench.measure.steady import warm_up
from rnnbench.measure.workload import Workload

WARM_S = 2.0
TIMED_STEPS = 7
STEP = "step"
TRACE, SNAPSHOT = ".trace.json.gz", ".memory.pickle.gz"
THINNEST = 0.001  # of a step: what is shorter is left out of the tree


def profile_case(case: Case, steps: int, trace: Path) -> dict[str, Any]:
    """Steps timed first without the profiler, then profiled: figures, operators, a tree of who called whom. Writes the trace."""
    device = Device(case.device)
    clock = Clock(device)
    with in_format(case.precision, device) as form:
        work = workload_of(case)(case, device, form, clock)
        warm_up(work.step, clock, WARM_S)
        work.check()
        plain_s = median(_timed(work, clock) for _ in range(TIMED_STEPS))
        with profile(activities=activities(device)) as profiler:
            for _ in range(steps):
                with record_function(STEP), device.mark(STEP):
                    _step(work)
            device.synchronize()
        profiler.export_chrome_trace(str(trace))
        metrics: dict[str, float] = {"step_time_s": plain_s}
        work.weigh(metrics, {})
        held = timeline(work)
        snapped = trace.with_name(trace.name.removesuffix(TRACE) + SNAPSHOT)
        told = {"memory": held, **({"snapshot": snapped.name} if snapshot(work, snapped) else {})}
        told["causes"] = causes(work, metrics)
    events: Sequence[Any] = profiler.events() or ()
    roots = [event for event in events if event.name == STEP and event.cpu_parent is None and not _on_device(event)]
    profiled_s = sum(_seconds(event) for event in roots) / max(1, len(roots))
    kernels = of_device(profiler)
    if device.torch.type == "cuda" and not kernels:
        told["no_kernels"] = NOT_SEEN
    below = _adopted(events, roots)
    return {
        "case": case.as_dict(),
        "id": str(case),
        "steps": len(roots),
        "metrics": metrics,
        "profiled_step_s": profiled_s,
        "operators": _operators(profiler, len(roots)),
        "tree": _tree(STEP, roots, len(roots), profiled_s * THINNEST, below),
        "kernels": _kernels(kernels, len(roots)),
        "gaps": _gaps(kernels or [child for root in roots for child in _operators_below(root)], roots),
        "trace": trace.name,
        **told,
    }


def _timed(work: Workload, clock: Clock) -> float:
    before = clock()
    work.step()
    return clock() - before


def _step(work: Workload) -> None:
    """A step whose parts have names in the trace."""
    if work.train is None:
        work.step()
        return
    work.next_batch()
    for name, part in work.train.parts:
        called = name.removesuffix("_s")
        with record_function(called), work.device.mark(called):
            part()


def _on_device(event: Any) -> bool:
    return bool(event.device_type != CPU)


def _seconds(event: Any) -> float:
    return float(event.time_range.elapsed_us()) / 1e6


def _operators(profiler: profile, steps: int) -> list[dict[str, Any]]:
    """Every operator, the longest by its own time first; seconds and calls of one step."""
    rows = [
        {
            "name": row.key,
            "calls": row.count / steps,
            "self_s": row.self_cpu_time_total / 1e6 / steps,
            "device_s": row.self_device_time_total / 1e6 / steps,
        }
        for row in profiler.key_averages()
        if row.device_type == CPU
    ]
    return sorted(rows, key=lambda row: -max(row["self_s"], row["device_s"]))


def _adopted(events: Sequence[Any], roots: Sequence[Any]) -> dict[int, list[Any]]:
    """Outermost events of other threads by the event (its `id`) that waits for them: on a GPU the backward pass has a thread of its own.

    That is the innermost range of the steps with the name of a part, or else the step, in whose time they begin."""
    ranges = [one for root in roots for one in (root, *(child for child in root.cpu_children if "::" not in child.name))]
    threads = {root.thread for root in roots}
    found: dict[int, list[Any]] = {}
    for event in events:
        if _on_device(event) or event.cpu_parent is not None or event.thread in threads:
            continue
        begun = event.time_range.start
        around = [one for one in ranges if one.time_range.start <= begun < one.time_range.end]
        if around:
            found.setdefault(id(min(around, key=_seconds)), []).append(event)
    return found


def _tree(name: str, events: Sequence[Any], steps: int, thinnest_s: float, adopted: Mapping[int, Sequence[Any]]) -> dict[str, Any]:
    """Events of one name under one path, joined, with what they called; seconds of one step."""
    below: dict[str, list[Any]] = {}
    for event in events:
        for child in (*event.cpu_children, *adopted.get(id(event), ())):
            below.setdefault(child.name, []).append(child)
    children = [_tree(one, called, steps, thinnest_s, adopted) for one, called in below.items()]
    total_s = sum(_seconds(event) for event in events) / steps
    kept = [child for child in children if child["seconds"] >= thinnest_s]
    return {"name": name, "seconds": total_s, "calls": len(events) / steps, "children": kept}


def _kernels(kernels: Iterable[Any], steps: int) -> list[dict[str, Any]]:
    """What ran on the device, the longest first; seconds and calls of one step."""
    found: dict[str, list[float]] = {}
    for event in kernels:
        found.setdefault(event.name, []).append(_seconds(event))
    rows = [{"name": name, "calls": len(spans) / steps, "seconds": sum(spans) / steps} for name, spans in found.items()]
    return sorted(rows, key=lambda row: -float(row["seconds"]))


def _operators_below(event: Any) -> Iterable[Any]:
    """The outermost operators within a step; the names of its parts are none."""
    for child in event.cpu_children:
        if child.name.startswith(("aten::", "autograd::")) or "::" in child.name or not child.cpu_children:
            yield child
        else:
            yield from _operators_below(child)


def _gaps(busy: Sequence[Any], roots: Sequence[Any]) -> dict[str, float]:
    """When nothing ran on the device (on a CPU: no operator), between the first and the last of each step."""
    spans = sorted((event.time_range.start, event.time_range.end) for event in busy)
    starts = {root.time_range.start for root in roots}
    idle: list[float] = []
    for (_, end), (start, _) in pairwise(merged(spans)):
        if start > end and not any(end < one <= start for one in starts):
            idle.append((start - end) / 1e6)
    steps = max(1, len(roots))
    return {"count": len(idle) / steps, "seconds": sum(idle) / steps, "longest_s": max(idle, default=0.0)}
