"""A .csv file: forecast the next values of one column from all columns."""

from dataclasses import replace

import torch
from torch import Tensor

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.own_data import MARK, BadData, DataSource
from rnnbench.tasks._kinds import FORECAST
from rnnbench.tasks._own.splits import PARTS, bounds, problem
from rnnbench.tasks._own.table import Table, read_table
from rnnbench.tasks._problem import Data, Problem, Split, least_length

HORIZON = 12  # rows to forecast
KIND = replace(FORECAST, quality="absolute error ÷ the last value's")


def series(name: str, source: DataSource) -> Problem:
    """The problem of forecasting. `unit` scales errors so that repeating the last value has error 1."""
    table = read_table(source)
    scaled, notes = _scaled(source, table)
    target = table.names[0]

    def make(case: Case) -> Data:
        least_length(case, name, 2)
        parts = [_split(scaled[a:b], case, name, part, target) for part, (a, b) in zip(PARTS, bounds(len(scaled)), strict=True)]
        train, validation, test = parts
        return Data(train, validation, test, outputs=HORIZON, trivial=1.0)

    which = f"{target!r}" if source.one("target") or len(table.names) > 1 or not target.startswith("column ") else "the only column"
    about = "; ".join([f"the next {HORIZON} values of {which} in a series of {len(scaled)} rows", *notes])
    return problem(name, about, KIND, 0.9, "the last value (naive)", make)


def _scaled(source: DataSource, table: Table) -> tuple[Tensor, list[str]]:
    """(rows, columns) scaled to mean 0 and deviation 1 over the training rows only, and a sentence on the columns that were left out."""
    rows = torch.tensor(table.columns, dtype=torch.float64).T
    parts = bounds(len(rows))
    for part, (a, b) in zip(PARTS, parts, strict=True):
        if rows[a:b, 0].min() == rows[a:b, 0].max():
            raise BadData(
                source.path, f"{table.names[0]!r} is constant ({float(rows[a, 0]):g}) over its {part} rows: there is nothing to forecast"
            )
    known = rows[: parts[0][1]]
    constant = known.min(0).values == known.max(0).values
    left_out = list(table.left_out)
    for column in constant.nonzero().flatten().tolist():
        name, value = table.names[column], f"{float(rows[0, column]):g}"
        if rows[:, column].min() != rows[:, column].max():
            why = f"is constant ({value}) over the training rows and changes later"
            raise BadData(source.path, f"{name!r} {why}: leave it out with {MARK}without={name}")
        left_out.append(f"{name!r} (constant)")
    kept, known = rows[:, ~constant], known[:, ~constant]
    scaled = ((kept - known.mean(0)) / known.std(0)).float()
    if not scaled.isfinite().all():
        raise BadData(source.path, "its numbers are too large or too close together to be scaled to deviation 1")
    return scaled, [f"left out: {', '.join(left_out)}"] if left_out else []


def _split(rows: Tensor, case: Case, name: str, part: str, target: str) -> Split:
    if len(rows) < case.seq_len + HORIZON:
        raise Unsupported(f"{name}: a split has {len(rows)} rows, {case.seq_len + HORIZON} are needed: use a smaller seq_len")
    x = rows[:-HORIZON].unfold(0, case.seq_len, 1).transpose(1, 2).contiguous()
    y = rows[case.seq_len :, 0].unfold(0, HORIZON, 1) - x[:, -1:, 0]
    error = float(y.abs().mean())
    if error == 0:
        raise Unsupported(f"{name}: {target!r} does not change in the {part} rows that can be forecast from {case.seq_len} earlier ones")
    return Split(x, y, unit=1 / error)
