"""A comparison as Markdown: for a job's summary or a comment on a pull request."""

import re
from collections.abc import Iterable, Sequence

from rnnbench.gate.formats import words
from rnnbench.gate.verdict import Comparison, Finding
from rnnbench.spelling import spelt
from rnnbench.units import percent

MOST_ROWS = 200  # a comment on GitHub holds 65,536 characters
_TICKS = re.compile("`+")


class Raw(str):
    """A cell that is Markdown already."""

    __slots__ = ()


_SIGNS = {"regressed": "❌", "broken": "❌", "improved": "✅", "equivalent": "✔️", "mended": "✅", "new": "🆕"}


def as_markdown(comparison: Comparison) -> str:
    """The headline, a table of what is not equivalent, the rest folded, and how the evidence was weighed."""
    loud = [finding for finding in comparison.findings if finding.verdict != "equivalent"]
    quiet = [finding for finding in comparison.findings if finding.verdict == "equivalent"]
    confidence = comparison.confidence
    design = f" (by design: {plain(words.design(comparison))})" if comparison.by_design else ""
    parts = [
        f"## rnnbench: {words.headline(comparison)}",
        f"{code(comparison.candidate)} against {code(comparison.base)}{design}",
        _table(loud, confidence) if loud else "Nothing beyond the minimum effect.",
        f"<details><summary>{len(quiet)} equivalent</summary>\n\n{_table(quiet, confidence)}\n\n</details>" if quiet else "",
        words.sizes(comparison),
        words.advice(comparison),
        _acceptance(comparison),
        _differences(comparison),
        "\n".join(f"* {plain(note)}" for note in comparison.notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _acceptance(comparison: Comparison) -> str:
    accept = words.acceptance(comparison)
    return f"To accept this change, measure again, run {code(accept)} and commit the baseline." if accept else ""


def _table(findings: Sequence[Finding], confidence: float) -> str:
    head = ("", "verdict", "case", "metric", "change", f"{percent(confidence)} CI", "base → candidate", "why")
    rows = [
        (
            _SIGNS.get(one.verdict, "❔"),
            one.verdict + ("" if one.failing or one.verdict != "regressed" else " (listed)"),
            Raw(code(one.case)),
            words.subject(one),
            words.change(one),
            words.interval(one, confidence),
            words.values(one),
            one.reason,
        )
        for one in findings[:MOST_ROWS]
    ]
    more = f"\n\n{len(findings) - MOST_ROWS} more are not shown." if len(findings) > MOST_ROWS else ""
    return table(head, rows) + more


def table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Rows under a head."""
    return "\n".join(_row(cells) for cells in (head, ["---"] * len(head), *rows))


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") if isinstance(cell, Raw) else plain(cell) for cell in cells) + " |"


def plain(text: str) -> str:
    """On one line and without an end of the cell. A message is no markup: its tags, links and pictures are shown as they were written."""
    return spelt(" ".join(text.split())).replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")


def code(text: str) -> str:
    """A name between more backticks than it holds itself, so that it cannot end them."""
    plain = spelt(" ".join(text.split()))
    fence = "`" * (max(map(len, _TICKS.findall(plain)), default=0) + 1)
    pad = " " if "`" in plain else ""
    return f"{fence}{pad}{plain or ' '}{pad}{fence}"


def _differences(comparison: Comparison) -> str:
    rows = [f"| {plain(name)} | {plain(str(was))} | {plain(str(now))} |" for name, (was, now) in comparison.differences.items()]
    return "\n".join(["| differs | base | candidate |", "| --- | --- | --- |", *rows]) if rows else ""
