"""A report as Markdown: the answer, the small tables, every case, the warnings, the machine. For a comment, a README or a terminal."""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape

from markupsafe import Markup

from rnnbench import units
from rnnbench.reports import words
from rnnbench.reports.content import Content, Section
from rnnbench.reports.difference import Difference
from rnnbench.reports.glance import Table
from rnnbench.spelling import spelt

MOST_CASES = 500
_TAG = re.compile(r"</?(\w+)>")
_MARKS = {"b": "**", "i": "_", "sup": "^"}
_SPECIAL = re.compile(r"([\\`*_|\[\]<>#])")


def as_markdown(said: Content) -> str:
    """The whole report, without its figures."""
    parts = [f"# {plain(said.title)}", *(f"_{plain(' · '.join(head))}_" for _, head in said.heads)]
    parts += [block for one in said.differences for block in _difference(one)]
    parts += [block for section in said.sections for block in _section(section)] or ["No case was measured yet."]
    parts += [*_cases(said), *_warnings(said), *_machine(said)]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: object) -> str:
    """On one line, and no markup."""
    return _SPECIAL.sub(r"\\\1", spelt(" ".join(str(text).split())))


def marked(html: Markup) -> str:
    """A sentence's own bold, italic and superscript as Markdown; its data as plain text."""
    found = []
    for index, piece in enumerate(_TAG.split(str(html))):
        found.append(_MARKS.get(piece, "") if index % 2 else plain_inside(unescape(piece)))
    return "".join(found)


def plain_inside(text: str) -> str:
    """As `plain`, with the spaces at its ends, which separate it from what is bold."""
    inner = plain(text)
    return f"{' ' * text[:1].isspace()}{inner}{' ' * (text[-1:].isspace() and bool(inner))}"


def grid(heads: Sequence[str], rows: Iterable[Sequence[object]], numeric: Sequence[bool] = ()) -> str:
    """A table of plain cells; numbers stand right."""
    sides = ["--:" if right else "---" for right in numeric] or ["---"] * len(heads)
    lines = [[plain(head) or " " for head in heads], sides, *([plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _difference(one: Difference) -> Iterator[str]:
    yield f"## {plain(one.candidate)} against {plain(one.base)}"
    yield marked(one.headline)
    if one.counts:
        yield ", ".join(f"{count} {verdict}" for verdict, count, _ in one.counts) + "."
    if one.changed:
        yield from _table(one.changed)
    yield "\n".join(f"* {words.count(group.count, 'figure')} {group.verdict}: {plain(group.reason)}" for group in one.undecided)
    if one.differences:
        rows = [(name, units.plain(was), units.plain(now)) for name, (was, now) in one.differences.items()]
        yield grid(("differs", "base", "candidate"), rows)
    yield " ".join(filter(None, (one.how, one.advice)))


def _section(section: Section) -> Iterator[str]:
    yield f"## {plain(section.sweep.title)}"
    if section.sweep.question:
        yield f"_{plain(section.sweep.question)}_"
    if section.sizes:
        yield plain(f"In every case: {', '.join(section.sizes)}.")
    yield "\n".join(f"* {marked(one.html)}" for one in (*section.findings, *section.troubles))
    for table in (section.table, *(table for _, table in section.tables), *section.glances.values()):
        if table:
            yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield f"**{plain(table.caption)}**"
    yield grid(table.heads, ([f"{cell.text} ({cell.aside})" if cell.aside else cell.text for cell in row] for row in table.rows))
    if table.note:
        yield f"_{plain(table.note)}_"


def _cases(said: Content) -> Iterator[str]:
    if not said.table.cells:
        return
    shown = [place for place, column in enumerate(said.table.columns) if column.shown]
    columns = [said.table.columns[place] for place in shown]
    yield "## Every case"
    rows = []
    for cells, row in list(zip(said.table.cells, said.table.rows, strict=True))[:MOST_CASES]:
        told = {"status": f"{row['status']}: {row['reason']}" if row["reason"] else row["status"]}
        rows.append([told.get(column.name, cells[place]) for place, column in zip(shown, columns, strict=True)])
    yield grid([column.label for column in columns], rows, [column.numeric for column in columns])
    if (left := len(said.table.cells) - len(rows)) > 0:
        yield f"_{words.count(left, 'further case')}: --format csv has them all._"


def _warnings(said: Content) -> Iterator[str]:
    if said.warnings:
        yield "## Warnings, and what to do"
        yield "\n".join(f"* **{plain(one.what)}.**" + (f" To do: {plain(one.todo)}." if one.todo else "") for one in said.warnings)


def _machine(said: Content) -> Iterator[str]:
    if said.fingerprint:
        yield "## Machine and versions"
        yield grid(["", *(run.id for run in said.runs)], ([fact.name, *fact.values] for fact in said.fingerprint))
