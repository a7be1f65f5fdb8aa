"""A report as Markdown: the answer, the small tables, all cases, the warnings, the machine. For a comment or a README."""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape

from markupsafe import Markup

from rnnbench.reports import words
from rnnbench.reports.content import Content, Section
from rnnbench.reports.table import Table
from rnnbench.reports.topics.comparison import Difference
from rnnbench.spelling import spelt

MOST_CASES = 500
_TAG = re.compile(r"</?(\w+)>")
_MARKS = {"b": "**", "i": "_", "sup": "^"}
_SPECIAL = re.compile(r"([\\`*_|\[\]<>#])")


def as_markdown(report: Content) -> str:
    """The whole report, without its figures."""
    parts = [f"# {plain(report.title)}", *(f"_{plain(' · '.join(head))}_" for _, head in report.heads)]
    parts += [block for one in report.differences for block in _difference(one)]
    sections = [block for one in report.sections for block in _section(one, titled=one.sweep.title != report.title)]
    parts += sections or ["No case was measured yet."]
    parts += [*_cases(report), *_warnings(report), *_machine(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: object) -> str:
    """On one line, without markup."""
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
    """A table of plain cells, numbers to the right."""
    sides = ["--:" if right else "---" for right in numeric] or ["---"] * len(heads)
    lines = [[plain(head) or " " for head in heads], sides, *([plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _difference(one: Difference) -> Iterator[str]:
    yield f"## {plain(one.candidate)} compared with {plain(one.base)}"
    yield f"_candidate {plain(one.ids[1])} · base {plain(one.ids[0])}_"
    yield marked(one.headline)
    if one.counts:
        yield ", ".join(f"{count} {verdict}" for verdict, count, _ in one.counts) + "."
    if one.changed:
        yield from as_blocks(one.changed)
    yield "\n".join(f"* {words.count(group.count, 'figure')} {group.verdict}: {plain(group.reason)}" for group in one.undecided)
    if one.differences:
        yield grid(("how the runs differ", "base", "candidate"), [(name, *pair) for name, pair in one.differences.items()])
    yield " ".join(filter(None, (one.how, one.advice)))


def _section(section: Section, *, titled: bool) -> Iterator[str]:
    if titled:
        yield f"## {plain(section.sweep.title)}"
    if section.sweep.question:
        yield f"_{plain(section.sweep.question)}_"
    if section.sizes:
        yield plain(f"All cases: {', '.join(section.sizes)}.")
    yield "\n".join(f"* {marked(one.html)}" for one in (*section.findings, *section.troubles))
    for table in tables_of(section):
        yield from as_blocks(table)


def tables_of(section: Section) -> Iterator[Table]:
    """The small tables of a suite, in the order of the page."""
    for block in (*([section.main] if section.main else []), *section.blocks):
        yield from (table for _, table in block.tables)


def as_blocks(table: Table) -> Iterator[str]:
    """Caption, grid and note."""
    yield f"**{plain(table.caption)}**"
    yield grid(table.heads, ([f"{cell.text} ({cell.aside})" if cell.aside else cell.text for cell in row] for row in table.rows))
    if table.note:
        yield f"_{plain(table.note)}_"


def _cases(report: Content) -> Iterator[str]:
    if not report.table.cells:
        return
    shown = [place for place, column in enumerate(report.table.columns) if column.shown]
    columns = [report.table.columns[place] for place in shown]
    yield "## All cases"
    rows = []
    for cells, row in list(zip(report.table.cells, report.table.rows, strict=True))[:MOST_CASES]:
        stated = {"status": f"{row['status']}: {row['reason']}" if row["reason"] else row["status"]}
        rows.append([stated.get(column.name, cells[place]) for place, column in zip(shown, columns, strict=True)])
    yield grid([column.label for column in columns], rows, [column.numeric for column in columns])
    if (left := len(report.table.cells) - len(rows)) > 0:
        yield f"_{words.count(left, 'more case')}: --format csv has all._"


def _warnings(report: Content) -> Iterator[str]:
    if report.warnings:
        yield "## Warnings"
        todo = [f" {plain(words.capitalized(one.todo))}." if one.todo else "" for one in report.warnings]
        yield "\n".join(f"* **{plain(one.what)}.**{rest}" for one, rest in zip(report.warnings, todo, strict=True))


def _machine(report: Content) -> Iterator[str]:
    if report.fingerprint:
        yield "## Machine and versions"
        yield grid(["", *(run.id for run in report.runs)], ([fact.name, *fact.values] for fact in report.fingerprint))
