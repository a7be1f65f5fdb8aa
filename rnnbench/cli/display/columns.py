"""Tables that fit any terminal without cutting a number or a unit: columns are dropped by name, then each row becomes a block of lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from rnnbench.cli.display.terminal import console
from rnnbench.spelling import spelt

GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A head and one cell per row. Numbers stand to the right. What is `optional` may be dropped, the last one first; what is `key`
    names a row."""

    head: str
    cells: Sequence[str]
    right: bool = False
    optional: bool = False
    key: bool = False

    @property
    def width(self) -> int:
        """The widest cell, or word of the head."""
        return max([*map(cell_len, self.head.split()), *map(cell_len, self.cells), 1])


def show(columns: Sequence[Column], styles: Sequence[str] = (), *, bold: bool = True, indent: int = 0) -> list[str]:
    """Print the table as wide as the terminal is; the heads of the columns that had no room. `styles` colours whole rows."""
    out = console()
    columns = [Column(spelt(one.head), [spelt(cell) for cell in one.cells], one.right, one.optional, one.key) for one in columns]
    columns = [one for one in columns if one.head or any(one.cells)]
    kept = fitting(columns, out.width - indent)
    if kept is None:
        for place, line in _blocks(columns, indent):
            out.print(Text(line, style=_style(styles, place)), soft_wrap=True)
        return []
    for line in _heads(kept) if bold else ():
        out.print(Text(" " * indent + line, style="bold"), soft_wrap=True)
    for place in range(len(columns[0].cells)):
        out.print(Text(" " * indent + _line(kept, place), style=_style(styles, place)), soft_wrap=True)
    return [one.head for one in columns if one not in kept]


def _style(styles: Sequence[str], place: int) -> str:
    return styles[place] if place < len(styles) else ""


def fitting(columns: Sequence[Column], width: int) -> list[Column] | None:
    """The columns that fit into `width`, the last optional ones dropped first; None where not even the others fit."""
    kept = list(columns)
    while sum(one.width + GAP for one in kept) - GAP > width:
        optional = [one for one in kept if one.optional]
        if not optional:
            return None
        kept.remove(optional[-1])
    return kept


def _heads(columns: Sequence[Column]) -> Iterator[str]:
    """The heads, wrapped between words, the last lines level with each other."""
    wrapped = [_wrapped(one.head, one.width) for one in columns]
    tall = max(map(len, wrapped))
    for level in range(tall):
        cells = [lines[level - tall + len(lines)] if level >= tall - len(lines) else "" for lines in wrapped]
        yield _joined(columns, cells)


def _wrapped(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _line(columns: Sequence[Column], place: int) -> str:
    return _joined(columns, [one.cells[place] for one in columns])


def _joined(columns: Sequence[Column], cells: Sequence[str]) -> str:
    padded = [_padded(cell, one) for one, cell in zip(columns, cells, strict=True)]
    return (" " * GAP).join(padded).rstrip()


def _padded(cell: str, column: Column) -> str:
    space = " " * (column.width - cell_len(cell))
    return space + cell if column.right else cell + space


def _blocks(columns: Sequence[Column], indent: int) -> Iterator[tuple[int, str]]:
    """Each row as lines: its name, then a line for each figure."""
    keys, figures = [one for one in columns if one.key], [one for one in columns if not one.key]
    for place in range(len(columns[0].cells)):
        name = ", ".join(f"{one.head} {one.cells[place]}" if one.right else one.cells[place] for one in keys if one.cells[place])
        yield place, " " * indent + name
        for one in figures:
            if one.cells[place]:
                yield place, f"{' ' * (indent + GAP)}{one.head} {one.cells[place]}".rstrip()
