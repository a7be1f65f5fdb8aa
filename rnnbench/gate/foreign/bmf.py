"""Bencher's metric format: benchmark → measure → value. `latency` is in nanoseconds and `throughput` in operations a second, as Bencher
defines these two; a measure that is named like a metric of ours (`step-time-s`) is that metric. The ends of intervals are no processes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnbench.gate.foreign.shapes import STEP, left_out, number
from rnnbench.gate.side import Observed, Side
from rnnbench.record import METRICS

KIND = "Bencher's metric format"


def fits(data: Any) -> bool:
    """Whether it looks like it: objects of objects that state a value."""
    return (
        isinstance(data, dict)
        and bool(data)
        and all(
            isinstance(one, dict) and one and all(isinstance(value, dict) and "value" in value for value in one.values())
            for one in data.values()
        )
    )


def sides(label: str, path: Path, data: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Side]:  # noqa: ARG001 - every reader is given the path
    """A case for each benchmark with a measure that is known."""
    cases: dict[str, Observed] = {}
    others: list[str] = []
    for name, measures in data.items():
        figures: dict[str, dict[int, float]] = {}
        for measure, one in measures.items():
            value = number(one["value"], f"{measure} of {name!r}")
            if (known := _figure(measure, value, measures)) is None:
                others.append(f"{measure} of {name!r}")
            else:
                figures[known[0]] = {0: known[1]}
        if figures:
            cases[name] = Observed(id=name, status="ok", values=figures)
    notes = (*left_out(others, "a measure of no known unit"), "states no machine and no commit")
    return [Side(label=label, kind=KIND, cases=cases, notes=notes)]


def _figure(measure: str, value: float, beside: Mapping[str, Any]) -> tuple[str, float] | None:
    ours = measure.replace("-", "_")
    if ours in METRICS:
        return ours, value
    if measure.lower() == "latency":
        return STEP, value * 1e-9
    if measure.lower() == "throughput" and value > 0 and not any(name.lower() == "latency" for name in beside):
        return STEP, 1 / value
    return None
