"""A .csv file as columns of numbers. An ambiguous file is refused with the option that resolves the ambiguity."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from rnnbench.errors import UnknownName
from rnnbench.own_data import MARK, BadData, DataSource, text
from rnnbench.tasks._own.cells import counts_like_a_date, has_decimal_comma, kind_of, out_of_order, value_of

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
BETWEEN = {",": "commas", ";": "semicolons", "\t": "tabs"}
FEWEST_ROWS = 200
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII)

Row = tuple[int, list[str]]
"""A line number as in an editor, and the cells of the line."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of numbers, the target first, and the columns that were left out, in words."""

    names: tuple[str, ...]
    columns: tuple[tuple[float, ...], ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of a file, with the format in which they were read. `names` is empty if the file has no header."""

    source: DataSource
    separator: str
    decimal_comma: bool
    names: tuple[str, ...]
    rows: list[Row]

    @property
    def width(self) -> int:
        return len(self.rows[0][1])

    def name(self, column: int) -> str:
        """The name of a column for messages and options."""
        named = self.names[column] if column < len(self.names) else ""
        return named or f"column {column + 1}"

    def column(self, column: int) -> list[str]:
        return [cells[column] for _, cells in self.rows]

    def kind(self, cell: str) -> str:
        return kind_of(cell, decimal_comma=self.decimal_comma)


def read_table(source: DataSource) -> Table:
    """The numbers in a file. Raises BadData with the line, or for an ambiguity with the option that resolves it; UnknownName for an
    absent column."""
    found = _cells(source)
    chosen = {key: [_position(found, name) for name in source.every(key)] for key in ("target", "without", "keep")}
    dates = _dates(found, chosen["without"])
    kept = [column for column in range(found.width) if column not in (*dates, *chosen["without"])]
    values = _numbers(found, kept)
    if not values:
        raise BadData(source.path, "no column of numbers is left to forecast")
    _settle_comma(found)
    _settle_point(found)
    if len(found.rows) < FEWEST_ROWS:
        raise BadData(source.path, f"{len(found.rows)} rows of numbers; {FEWEST_ROWS} or more are needed")
    _settle_counters(found, values, (*chosen["target"], *chosen["keep"]))
    target = chosen["target"][0] if chosen["target"] else kept[0]
    if target not in values:
        raise BadData(source.path, f"the target {found.name(target)!r} is not a column of numbers")
    order = [target, *(column for column in kept if column != target)]
    left_out = [f"{found.name(column)!r} (dates)" for column in dates]
    return Table(tuple(map(found.name, order)), tuple(tuple(values[column]) for column in order), tuple(left_out))


def _cells(source: DataSource) -> _Cells:
    """The cells of a file, checked to have equally long rows. Raises BadData."""
    whole = text(source.path).replace("\r\n", "\n").replace("\r", "\n")
    separator = _separator(source, whole)
    comma = source.one("decimal") == "comma"
    rows = list(_rows(source.path, whole, separator))
    if not rows:
        raise BadData(source.path, f"0 rows of numbers; {FEWEST_ROWS} or more are needed")
    header = _has_header(source, rows[0], comma=comma)
    names = tuple(rows[0][1]) if header else ()
    rows = rows[1:] if header else rows
    if not rows:
        raise BadData(source.path, f"0 rows of numbers; {FEWEST_ROWS} or more are needed")
    hint = f"; if the comma is the decimal mark, add {MARK}decimal=comma" if separator == "," else ""
    if names and len(names) != len(rows[0][1]):
        raise BadData(source.path, f"{len(rows[0][1])} cells under {len(names)} names{hint}", rows[0][0])
    for number, cells in rows:
        if len(cells) != len(rows[0][1]):
            raise BadData(source.path, f"wanted {len(rows[0][1])} columns, as before; found {len(cells)}{hint}", number)
    return _Cells(source, separator, comma, names, rows)


def _rows(path: Path, whole: str, separator: str) -> Iterator[Row]:
    """Non-empty rows with the line on which each begins. Quoted cells may contain line ends."""
    reader = csv.reader(io.StringIO(whole, newline=""), delimiter=separator)
    begins = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield begins, stripped
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadData(path, f"not a table: {error}", reader.line_num) from None


def _separator(source: DataSource, whole: str) -> str:
    """The separator that the user gave, or the only one that occurs below the first line; a comma if none does."""
    if given := source.one("separator"):
        return SEPARATORS[given]
    below = whole.partition("\n")[2] or whole
    occurs = [mark for mark in SEPARATORS.values() if any(len(cells) > 1 for _, cells in _rows(source.path, below, mark))]
    if source.one("decimal") == "comma":
        occurs = [mark for mark in occurs if mark != ","] or (["," if '"' in below else ";"])
    if len(occurs) > 1:
        named = [name for name, mark in SEPARATORS.items() if mark in occurs]
        say = f"add {MARK}separator={named[-1]}" + (f"{MARK}decimal=comma where the comma is the decimal mark" if "," in occurs else "")
        raise BadData(source.path, f"{' and '.join(named)} both occur, and either may separate the cells: {say}")
    return occurs[0] if occurs else ","


def _has_header(source: DataSource, first: Row, *, comma: bool) -> bool:
    if given := source.one("header"):
        return given == "yes"
    kinds = [kind_of(cell, decimal_comma=comma) for cell in first[1]]
    if "text" not in kinds:
        return False
    if "number" in kinds or (comma is False and any(map(has_decimal_comma, first[1]))):
        odd = next(cell for cell, kind in zip(first[1], kinds, strict=True) if kind == "text")
        raise BadData(
            source.path,
            f"both numbers and {odd[:60]!r}: add {MARK}header=yes if these are names, {MARK}header=no if they are values",
            first[0],
        )
    return True


def _position(found: _Cells, name: str) -> int:
    names = [found.name(column) for column in range(found.width)]
    if name not in names:
        raise UnknownName(f"column of {str(found.source.path)!r}", name, names)
    if names.count(name) > 1:
        raise BadData(found.source.path, f"{names.count(name)} columns are named {name!r}: rename them")
    return names.index(name)


def _dates(found: _Cells, without: Sequence[int]) -> list[int]:
    """Columns in which every cell is a date. Raises BadData if the dates are not in chronological order."""
    columns = [column for column in range(found.width) if column not in without]
    dates = [column for column in columns if all(found.kind(cell) == "date" for cell in found.column(column))]
    for column in dates:
        if wrong := out_of_order(found.column(column)):
            raise BadData(found.source.path, f"the dates of {found.name(column)!r} {wrong}: sort the rows by time, oldest first")
    return dates


def _numbers(found: _Cells, columns: Sequence[int]) -> dict[int, list[float]]:
    """Each column's values. Raises BadData with the first line that has anything but a number."""
    values: dict[int, list[float]] = {column: [] for column in columns}
    for number, cells in found.rows:
        for column in columns:
            values[column].append(_number(found, number, column, cells[column]))
    return values


def _number(found: _Cells, line: int, column: int, cell: str) -> float:
    path, name = found.source.path, found.name(column)
    kind = found.kind(cell)
    if kind == "empty":
        raise BadData(path, f"an empty cell in {name!r}: fill it, or leave the column out with {MARK}without={name}", line)
    if kind != "number":
        if not found.decimal_comma and has_decimal_comma(cell):
            more = f"; add {MARK}decimal=comma if its comma is the decimal mark"
        else:
            more = f"; leave the column out with {MARK}without={name}" if found.width > 1 else ""
        raise BadData(path, f"wanted numbers between {BETWEEN[found.separator]}; found {cell[:60]!r}{more}", line)
    value = value_of(cell, decimal_comma=found.decimal_comma)
    if not isfinite(value):
        raise BadData(path, f"wanted finite numbers; found {cell[:60]!r}", line)
    return value


def _settle_comma(found: _Cells) -> None:
    """Refuse comma-separated cells that could be digits of one number: 12,5 or 1,234,567."""
    source = found.source
    named = len(found.names) == found.width and all(found.names)
    if found.separator != "," or found.width == 1 or named or source.one("separator") or source.one("decimal"):
        return
    rest = [cell for _, cells in found.rows for cell in cells[1:]]
    if not all(cell.isdigit() for cell in rest):
        return
    line, cells = found.rows[0]
    example = ",".join(cells)
    if found.width == 2:
        raise BadData(
            source.path,
            f"{example!r} may be two columns or one number with a decimal comma: add {MARK}separator=comma or {MARK}decimal=comma",
            line,
        )
    if all(len(cell) == 3 for cell in rest):
        raise BadData(
            source.path,
            f"{example!r} may be {found.width} columns or one number in groups of three digits: add {MARK}separator=comma",
            line,
        )


def _settle_point(found: _Cells) -> None:
    """Refuse 1.234;2.345, in which the point may group thousands, as is common in files with semicolons."""
    source = found.source
    cells = [(line, cell) for line, cells in found.rows for cell in cells if "." in cell and found.kind(cell) == "number"]
    if found.separator != ";" or source.one("decimal") or not cells:
        return
    if all(GROUPED.fullmatch(cell) for _, cell in cells):
        line, cell = cells[0]
        raise BadData(
            source.path, f"the point of {cell!r} may be a decimal mark or group thousands: add {MARK}decimal=point or remove it", line
        )


def _settle_counters(found: _Cells, values: dict[int, list[float]], wanted: Sequence[int]) -> None:
    """Refuse columns of numbers that may be dates, unless an option says what they are."""
    for column, numbers in values.items():
        if column not in wanted and (why := counts_like_a_date(found.name(column), found.column(column), numbers)):
            name = found.name(column)
            raise BadData(found.source.path, f"{name!r} {why}: leave it out with {MARK}without={name}, or read it with {MARK}keep={name}")
