"""The kind of a table cell: a number, a date, empty, or text."""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal

CellKind = Literal["number", "date", "empty", "text"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE | re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?( ?(Z|UTC|[+-]\d{2}:?\d{2}))?"
_DAYS = (  # 2024-05-01 or 2024-05; 1.5.2024; 1 May 2024; May 1, 2024 or May-24; 2024-Q2
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?",
    r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}",
    r"\d{1,2}[-. ]+[A-Za-z]{3,9}[-., ]+\d{2,4}",
    r"[A-Za-z]{3,9}[- ]\d{1,2}(,? \d{4})?",
    r"\d{4}-?[QW]\d{1,2}",
)
_DATE = re.compile(rf"{_CLOCK}|({'|'.join(_DAYS)})([T ,]+{_CLOCK})?")
_COMPACT = re.compile(r"(1[89]|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_NAMES = {"date", "time", "datetime", "timestamp", "day", "year", "month", "week", "unix", "epoch", "index", "id", "row", "ds"}
_FEW = 0.02  # steps back in time that clock changes explain


def kind_of(cell: str, *, decimal_comma: bool = False) -> CellKind:
    """The kind of a stripped cell. `nan` and `inf` are numbers, which are refused later with their line."""
    if not cell:
        return "empty"
    number = cell.replace(",", ".") if decimal_comma and "." not in cell else "" if decimal_comma and "." in cell else cell
    if number and _NUMBER.fullmatch(number):
        return "number"
    return "date" if _DATE.fullmatch(cell) else "text"


def value_of(cell: str, *, decimal_comma: bool = False) -> float:
    """The value of a cell that is a number."""
    return float(cell.replace(",", ".") if decimal_comma else cell)


def has_decimal_comma(cell: str) -> bool:
    """Whether a cell would be a number if its comma were a decimal mark."""
    return bool(_DECIMAL_COMMA.fullmatch(cell))


def out_of_order(dates: Sequence[str]) -> str:
    """What is wrong with the order of a column of ISO dates, in words; empty if nothing is, or if the dates have another format."""
    try:
        found = [datetime.fromisoformat(one) for one in dates]
        back = sum(later < earlier for earlier, later in pairwise(found))
        newest_first = found[-1] < found[0]
    except (ValueError, TypeError):  # another form, or some with a zone and some without
        return ""
    if newest_first and back > len(dates) / 2:
        return f"run from newest ({dates[0]}) to oldest ({dates[-1]})"
    return f"go back {back} times" if back > _FEW * len(dates) else ""


def counts_like_a_date(name: str, cells: Sequence[str], values: Sequence[float]) -> str:
    """Why a column of numbers may be dates, time stamps or row numbers, in words; empty if it is not."""
    steps = [later - earlier for earlier, later in pairwise(values)]
    if not steps or min(steps) < 0:
        return ""
    if steps[0] > 0 and max(steps) - min(steps) <= 1e-9 * max(abs(values[-1]), abs(values[0])):
        return f"counts up evenly from {cells[0]} to {cells[-1]}, as a row number or a time stamp does"
    if all(map(_COMPACT.fullmatch, cells)) and steps != [0.0] * len(steps):
        return f"reads as dates ({cells[0]} to {cells[-1]})"
    if name.strip().lower() in _NAMES and max(steps) > 0:
        return f"only ever rises ({cells[0]} to {cells[-1]}) and is named like a date"
    return ""
