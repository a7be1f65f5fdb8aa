"""A report's cases as CSV: one row per case, in base units and full precision."""

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from rnnbench.analysis.sweep import Sweep
from rnnbench.case import AXES
from rnnbench.record import METRICS

_BEFORE = ("run", "suite", *AXES, "id", "status", "reason", "bound", "measured_processes", "failed_processes", "samples")
_AFTER = ("step_time_low", "step_time_high", "step_time_coverage")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(found: Sequence[Sweep]) -> str:
    """Every case of every suite. Columns are the same for every report; a cell without a figure is empty."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    columns = [*_BEFORE, *METRICS, *_AFTER, "notes", "kernels"]
    writer.writerow(columns)
    for sweep in found:
        for row in sweep.cases[columns].itertuples(index=False):
            writer.writerow(map(_cell, row))
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    """None and NaN are empty, several notes are lines; a text that a spreadsheet would run as a formula is quoted."""
    if isinstance(value, tuple | list):
        return _cell("\n".join(map(str, value)))
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value
