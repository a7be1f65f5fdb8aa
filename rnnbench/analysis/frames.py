"""Runs on disk as pandas frames."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.analysis.fit import Interval, median_interval
from rnnbench.case import AXES
from rnnbench.files import Damage, read_run
from rnnbench.record import METRICS, Record, Run

SHORTEST_S, LONGEST_S = 1e-12, 1e9  # a picosecond, thirty years: what lies beyond was not measured
INTERVALS = ("step_time", "difference", "beside_ratio")  # of the step, and of the step − and ÷ what ran in turn with it
BOUNDS = tuple(f"{name}_{end}" for name in INTERVALS for end in ("low", "high", "coverage"))
COLUMNS = ("run", "suite", *AXES, "id", "status", "reason", "process", "samples", "beside", "bound", "notes", "kernels", *METRICS, *BOUNDS)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A run, the folder it came from, and the lines of it that could not be read."""

    run: Run
    damage: Sequence[Damage] = ()
    folder: Path | None = None


def load_run(path: str | Path) -> Run:
    """The run of a folder. Raises BadResults where it is none; damaged lines are left out (`load_runs` tells of them)."""
    return read_run(Path(path))[0]


def load_runs(paths: Iterable[str | Path]) -> list[Loaded]:
    """Several runs, each once, with what of each could not be read."""
    folders = dict.fromkeys(Path(path).resolve() for path in paths)
    return [Loaded(*read_run(folder), folder) for folder in folders]


def frame(runs: Run | Iterable[Run]) -> pd.DataFrame:
    """One row a record: run, suite, the case's fields, status, every metric (NaN where absent), and 95 % intervals of the
    median over the rounds of that process. Where a case was recorded twice in one process slot, the later record counts."""
    rows: dict[tuple[str, str, int], dict[str, Any]] = {}
    for run in [runs] if isinstance(runs, Run) else runs:
        for record in run.records:
            rows[(run.id, *record.key)] = _row(run.id, record)
    table = pd.DataFrame(list(rows.values()), columns=list(COLUMNS))
    floats = [*METRICS, *BOUNDS]
    table[floats] = table[floats].astype(float)
    for name, one in AXES.items():
        if one.optional:
            values = [None if pd.isna(value) else value for value in table[name]]
            table[name] = pd.Series(values, index=table.index, dtype=object)
    return table


def _row(run: str, record: Record) -> dict[str, Any]:
    pairs = list(zip(record.times_s, record.beside_times_s, strict=False))
    intervals = {
        "step_time": _of_times(record.times_s),
        "difference": median_interval([here - there for here, there in pairs]),
        "beside_ratio": median_interval([here / there for here, there in pairs if there > 0]),
    }
    return {
        "run": run,
        **record.case.as_dict(),
        "id": str(record.case),
        "status": record.status,
        "reason": record.reason,
        "process": record.process,
        "samples": len(record.times_s),
        "beside": record.beside,
        "bound": record.bound,
        "notes": record.notes,
        "kernels": record.kernels,
        **{name: value for name, value in record.metrics.items() if name in METRICS},
        **{f"{name}_{end}": value for name, found in intervals.items() for end, value in _ends(found).items()},
    }


def plausible(time_s: float) -> bool:
    """Whether a clock can have shown it."""
    return SHORTEST_S < time_s < LONGEST_S


def _of_times(times_s: Sequence[float]) -> Interval | None:
    return median_interval(times_s) if all(map(plausible, times_s)) else None


def _ends(found: Interval | None) -> dict[str, float]:
    return {} if found is None else {"low": found.low, "high": found.high, "coverage": found.coverage}


def by_case(table: pd.DataFrame) -> pd.DataFrame:
    """One row a case. Where a case ran in several processes, each is summed up first and the interval is over processes:
    the process is the unit of evidence. `measured_processes` counts those that were measured, `failed_processes` the rest."""
    rows = [_case_row(group) for _, group in table.groupby(["run", "id"], sort=False)]
    return pd.DataFrame(rows, columns=[*table.columns, "measured_processes", "failed_processes"])


def _case_row(group: pd.DataFrame) -> pd.Series:
    fine = group[group["status"] == "ok"]
    row = (group if fine.empty else fine).iloc[0].copy()
    row["measured_processes"], row["failed_processes"] = len(fine), len(group) - len(fine)
    row["notes"] = tuple(dict.fromkeys(note for notes in group["notes"] for note in notes))
    if len(fine) > 1:
        row["samples"] = int(fine["samples"].sum())
        for name in METRICS:
            row[name] = np.median(fine[name].dropna()) if fine[name].notna().any() else np.nan
        over = {"step_time": fine["step_time_s"], "difference": fine["clip_cost_s"], "beside_ratio": fine["beside_ratio"]}
        for name, values in over.items():
            known = list(values.dropna())
            ends = _ends(_of_times(known) if name == "step_time" else median_interval(known))
            for end in ("low", "high", "coverage"):
                row[f"{name}_{end}"] = ends.get(end, np.nan)
    if row["failed_processes"] and not fine.empty:
        row["reason"] = (
            f"{row['failed_processes']} of {len(group)} processes ended otherwise: {group[group['status'] != 'ok'].iloc[0]['reason']}"
        )
    return row
