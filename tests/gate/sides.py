"""Sides of a comparison from plain numbers, and noise of known size. Nothing here was measured."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.case import Case
from rnnbench.gate.side import Observed, Side, observed
from rnnbench.journal import Journal
from rnnbench.record import Record, Run
from tests.reports.factory import MACHINE, run

CASE = Case(suite="depth", depth=1)
STEP = "step_time_s"


def times(seed: int, count: int = 10, *, cv: float = 0.01, factor: float = 1.0, base: float = 0.01) -> list[float]:
    """One figure a process, log-normal."""
    return [float(value) for value in base * factor * np.exp(np.random.default_rng(seed).normal(0, cv, count))]


def records(case: Case, values: Sequence[float], **more: Any) -> list[Record]:
    """A record a process whose median round is the value."""
    exact = {"parameters": 100.0, "operators": 7.0, **more.pop("metrics", {})}
    return [
        Record(case=case, status="ok", times_s=(value, value * 1.5, value * 0.9), metrics={STEP: value, **exact}, process=process, **more)
        for process, value in enumerate(values)
    ]


def side(label: str, *groups: Sequence[Record], **more: Any) -> Side:
    """A side of some cases."""
    cases = [observed(group) for group in groups]
    return Side(**{"label": label, "kind": "run", "cases": {one.id: one for one in cases}, "machine": MACHINE, **more})


def lost(case: Case, status: str = "crashed", reason: str = "killed by SIGSEGV") -> list[Record]:
    """A case that no process measured."""
    return [Record(case=case, status=status, reason=reason)]


def with_values(one: Side, case: str, metric: str, values: Mapping[int, float]) -> Side:
    """The side with other figures."""
    old: Observed = one.cases[case]
    return replace(one, cases={**one.cases, case: replace(old, values={**old.values, metric: values})})


def write(results: Path, name: str, found: Sequence[Record], **more: Any) -> Path:
    """A run's folder."""
    whole: Run = run(found, id=name, **more)
    journal = Journal(results / name, whole)
    for record in found:
        journal.append(record)
    return results / name


def benchmark_file(path: Path, rows: Mapping[str, Sequence[float]]) -> Path:
    """pytest-benchmark's JSON of one session."""
    benchmarks = [
        {"fullname": name, "name": name, "stats": {"median": float(np.median(data)), "data": list(data)}} for name, data in rows.items()
    ]
    data = {"machine_info": {"node": "n", "cpu": {"brand_raw": "c", "count": 2}}, "commit_info": {"id": "abc"}, "benchmarks": benchmarks}
    path.write_text(json.dumps({**data, "datetime": "2026-01-01T00:00:00"}), encoding="utf-8")
    return path
