"""A small table of a report: a caption, column heads, rows of cells."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """Text, smaller text beside it, the slot of a colour chip, and how strongly it is tinted (−1 slower … 1 faster)."""

    text: str
    aside: str = ""
    slot: int | None = None
    tint: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The first cell of each row is its head."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def without_empty(self, blank: str) -> "Table":
        """The same without the columns in which every cell is `blank`."""
        full = [place for place in range(len(self.heads)) if not place or any(row[place].text != blank for row in self.rows)]
        rows = [[row[place] for place in full] for row in self.rows]
        return Table(self.caption, [self.heads[place] for place in full], rows, self.note)
