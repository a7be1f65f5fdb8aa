"""The run in a few words, what all its cases share, and the fingerprint of its machine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from rnnbench import units
from rnnbench.analysis.sweep import Sweep
from rnnbench.case import SHAPE
from rnnbench.record import Run
from rnnbench.reports import words


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the fingerprint: a name, and its value in each run."""

    name: str
    values: Sequence[str]

    @property
    def differs(self) -> bool:
        """Whether the runs disagree."""
        return len(set(self.values)) > 1


def fingerprint(runs: Sequence[Run]) -> list[Fact]:
    """Machine and commit of every run, a fact a row; what a run does not state is a dash."""
    tables = [dict(_flat({**run.machine, "commit": run.commit})) for run in runs]
    names = dict.fromkeys(name for table in tables for name in table)
    return [Fact(name, [table.get(name, units.NONE) for table in tables]) for name in names]


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name} {key}".strip())
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{name} {index}".strip())
    elif value is not None:
        yield _label(name), _value(name, value)


def _label(name: str) -> str:
    return name.removesuffix("_bytes").replace("_", " ")


def _value(name: str, value: Any) -> str:
    if name.endswith("_bytes") and isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**80:
        return units.binary_bytes(value)
    if units.unit_of(name) and isinstance(value, float):
        return units.show(name, value)
    return units.plain(value) if isinstance(value, bool) else str(value)


def headline(run: Run) -> list[str]:
    """The run in a few words: when, on what machine, with what settings, how many cases."""
    machine = run.machine
    cpu = machine.get("cpu")
    model, cores = (cpu.get("model"), cpu.get("usable") or cpu.get("cores")) if isinstance(cpu, Mapping) else (None, None)
    listed = machine.get("gpus")
    gpus = [str(gpu.get("name")) for gpu in listed if isinstance(gpu, Mapping)] if isinstance(listed, list) else []
    torch = machine.get("torch")
    version = torch.get("version") if isinstance(torch, Mapping) else None
    parts = [
        _date(run.started_utc),
        words.joined(gpus),
        f"{model} ({words.count(cores, 'core')})" if model and isinstance(cores, int) else str(model or ""),
        f"torch {version}" if version else "",
        f"device {run.arguments['device']}" if run.arguments.get("device") else "",
        f"preset {run.arguments['preset']}" if run.arguments.get("preset") else "",
        _lasted(run),
        counted(run),
    ]
    return [one for one in parts if one]


def counted(run: Run) -> str:
    """How much was measured: "24 cases", "24 cases in 3 processes each", "24 cases in 72 processes"."""
    cases = len({str(record.case) for record in run.records})
    processes = len({record.key for record in run.records})
    text = words.count(cases, "case")
    if processes == cases:
        return text
    each = processes // cases
    return f"{text} in {each} processes each" if processes == each * cases else f"{text} in {processes:,} processes"


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _date(text: str) -> str:
    when = _time(text)
    return f"{when:%-d %B %Y, %H:%M} UTC" if when else ""


def _lasted(run: Run) -> str:
    began, ended = _time(run.started_utc), _time(run.finished_utc)
    try:
        return f"took {units.duration((ended - began).total_seconds())}" if began and ended else ""
    except TypeError:  # one with a time zone, one without
        return ""


def sizes(sweep: Sweep, run: Run) -> list[str]:
    """What all cases of a suite share: sizes, and the threads they ran with."""
    first = sweep.cases.iloc[0]
    same = [axis for axis in SHAPE if axis not in sweep.varying and not pd.isna(first[axis])]  # an own model does not tell all of them
    torch = run.machine.get("torch")
    threads = run.arguments.get("threads") or (torch.get("threads") if isinstance(torch, Mapping) else None)
    shared = [words.value(axis, first[axis]) for axis in same]
    return [*shared, *([words.count(threads, "thread")] if isinstance(threads, int) and first["device"] == "cpu" else [])]
