"""The table of all cases, and the data behind it that the page carries: one row per case, failed cases in place."""

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from rnnbench import units
from rnnbench.analysis.sweep import Sweep, varying
from rnnbench.case import AXES
from rnnbench.record import METRICS, Record, Run
from rnnbench.reports import words
from rnnbench.suite import Reading

MOST_SAMPLES = 120_000
ABOVE = "(above the measured ceiling)"
FEWEST_SAMPLES = 20
_ALWAYS = ("ceiling_share",)  # beside what each suite's own table shows


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where its value lies in a row of the data, its head, its unit, and whether it is shown at first."""

    kind: str
    name: str
    label: str
    unit: str
    numeric: bool
    shown: bool

    def as_dict(self) -> dict[str, Any]:
        """As the page's script takes it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class CaseTable:
    """Columns, the text of each cell, and the full data of each row."""

    columns: Sequence[Column]
    cells: Sequence[Sequence[str]]
    rows: Sequence[Mapping[str, Any]]
    thinned: int

    def filters(self) -> list[tuple[int, Column, list[str]]]:
        """The columns worth filtering by, each with its values."""
        wanted = [
            (place, column)
            for place, column in enumerate(self.columns)
            if column.kind == "case" or column.name in ("suite", "run", "status", "bound")
        ]
        options = [(place, column, list(dict.fromkeys(row[place] for row in self.cells))) for place, column in wanted]
        return [option for option in options if 1 < len(option[2]) <= 40]


def case_table(found: Sequence[Sweep], runs: Sequence[Run], *, thin: bool = True) -> CaseTable:
    """Every case of every suite; of many raw samples only some, unless `thin` is False."""
    cases = pd.concat([sweep.cases for sweep in found], ignore_index=True) if found else pd.DataFrame()
    if cases.empty:
        return CaseTable((), (), (), 0)
    readings = [Reading.of(suite) for run in runs for suite in run.suites] or [Reading()]
    columns = _columns(cases, {name for reading in readings for name in (reading.metric, *reading.table)})
    records = _records(runs)
    by_run = {run.id: run for run in runs}
    swept = {sweep.name: sweep.varying for sweep in found}
    every = _every(records.values()) if thin else 1
    rows, cells = [], []
    for _, row in cases.iterrows():
        own = records[(row["run"], row["id"])]
        rows.append(_row(row, own, command(by_run[row["run"]], own[-1], swept[row["suite"]]), every))
        cells.append([_text(column, row) for column in columns])
    return CaseTable(columns, cells, rows, every)


def _columns(cases: pd.DataFrame, wanted: Collection[str]) -> list[Column]:
    """What tells cases apart, then every metric that any case has; at first only those that their suites show are visible."""
    free = varying(cases)
    many = cases["suite"].nunique() > 1
    columns = [Column("row", "suite", "suite", "", False, True)] if many else []
    columns += [Column("row", "run", "run", "", False, True)] if "run" in free else []
    for axis in AXES:
        if axis in free or axis == "variant":
            numeric = AXES[axis].kind in (int, float)
            columns.append(Column("case", axis, words.axis(axis), AXES[axis].unit, numeric, True))
    columns.append(Column("row", "status", "status", "", False, True))
    if (cases["measured_processes"] > 1).any():
        columns.append(Column("row", "measured", "processes", "", True, True))
    for name, metric in METRICS.items():
        if cases[name].notna().any():
            columns.append(Column("metrics", name, metric.label, "", True, name in wanted or name in _ALWAYS))
            if name == "step_time_s":
                columns.append(Column("row", "interval", "95 % CI", "", False, name in wanted))
            if name == "ceiling_share":
                columns.append(Column("row", "bound", "bound", "", False, True))
    return [*columns, Column("row", "samples", "samples", "", True, False), Column("row", "id", "case id", "", False, False)]


def _text(column: Column, row: "pd.Series[Any]") -> str:
    if column.kind == "metrics":
        mark = f" {ABOVE}" if column.name == "ceiling_share" and row[column.name] > 1 else ""
        return units.show(column.name, row[column.name]) + mark
    if column.name == "interval":
        if pd.isna(row["step_time_low"]):
            return units.NONE
        return units.spread("step_time_s", row["step_time_low"], row["step_time_high"]) + (
            "" if row["step_time_coverage"] >= 0.95 else " (range)"
        )
    if column.name == "measured":
        return str(row["measured_processes"])
    return words.short(column.name, row[column.name])


def _records(runs: Iterable[Run]) -> dict[tuple[str, str], list[Record]]:
    """The records of each case, one a process, the later where one was repeated."""
    latest: dict[tuple[str, str], dict[int, Record]] = {}
    for run in runs:
        for record in run.records:
            latest.setdefault((run.id, str(record.case)), {})[record.process] = record
    return {key: list(of_process.values()) for key, of_process in latest.items()}


def _every(cases: Iterable[list[Record]]) -> int:
    """Every how-manieth sample to keep, so that a large run's page stays small; 1 keeps all."""
    total = sum(len(record.times_s) for own in cases for record in own)
    return max(1, -(-total // MOST_SAMPLES))


def _row(row: "pd.Series[Any]", own: list[Record], text: str, every: int) -> dict[str, Any]:
    known = [name for name in METRICS if pd.notna(row[name])]
    fine = [record for record in own if record.status == "ok"]
    ends = (row["step_time_low"], row["step_time_high"])
    return {
        "id": row["id"],
        "suite": row["suite"],
        "run": row["run"],
        "status": row["status"],
        "reason": row["reason"],
        "case": own[-1].case.as_dict(),
        "metrics": {name: _brief(row[name]) for name in known},
        "text": {name: units.show(name, row[name]) for name in known},
        "interval": [None if pd.isna(end) else _brief(end) for end in ends],
        "samples": int(row["samples"]),
        "measured": int(row["measured_processes"]),
        "bound": row["bound"],
        "notes": list(row["notes"]),
        "absent": (fine or own)[-1].absent,
        "beside": own[-1].beside,
        "log": own[-1].log,
        "command": text,
        "processes": [_process(record, every) for record in own],
    }


def _process(record: Record, every: int) -> dict[str, Any]:
    stride = every if len(record.times_s) > FEWEST_SAMPLES * every else max(1, len(record.times_s) // FEWEST_SAMPLES) if every > 1 else 1
    kept = [_brief(time) for time in record.times_s[::stride]]
    ends = (min(record.times_s), float(np.median(record.times_s)), max(record.times_s)) if record.times_s else ()
    return {
        "process": record.process,
        "pid": record.pid,
        "status": record.status,
        "started_utc": record.started_utc,
        "finished_utc": record.finished_utc,
        "rounds": len(record.times_s),
        "every": stride,
        "times_s": kept,
        "ends": [units.show("step_time_s", end) for end in ends],
    }


def _brief(value: float) -> float | int:
    """Seven digits: below a timer's own step, and a third of the bytes."""
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(f"{value:.7g}")


def command(run: Run, record: Record, swept: Sequence[str]) -> str:
    """The command that measures this one case again: the run's preset, device and plugins, and every axis that was swept or set."""
    argv = run.words("command")
    case = record.case
    asked = {text.partition("=")[0].strip() for text in run.words("set") or _options(argv, "--set")}
    wanted = [name for name in AXES if name != "device" and (name in swept or name in asked or getattr(case, name) != AXES[name].default)]
    preset = run.arguments.get("preset")
    names = _options(argv, "--suite")
    parts = ["rnnbench", "run", "--suite", names[0] if len(names) == 1 and len(run.suites) == 1 else case.suite, "--device", case.device]
    parts += ["--preset", str(preset)] if preset else []
    parts += [word for path in run.words("plugins") or _options(argv, "--plugin") for word in ("--plugin", path)]
    parts += [word for name in wanted for word in ("--set", f"{name}={_argument(getattr(case, name))}")]
    return shlex.join(parts)


def _options(argv: Sequence[str], name: str) -> list[str]:
    """The values of a repeated option, written `--name value` or `--name=value`."""
    after = [value for word, value in pairwise(argv) if word == name]
    return [*after, *(word.partition("=")[2] for word in argv if word.startswith(f"{name}="))]


def _argument(value: object) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
