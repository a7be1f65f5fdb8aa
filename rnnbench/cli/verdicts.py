"""What a comparison looks like on a terminal of eighty columns."""

from collections import Counter
from itertools import groupby

from rich.table import Table

from rnnbench.analysis.formats import words
from rnnbench.analysis.verdict import Comparison, Finding
from rnnbench.cli.terminal import console, shown
from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_REGRESSION

_COLOURS = {EXIT_REGRESSION: "red", EXIT_INCONCLUSIVE: "yellow"}
_GOOD = ("improved", "mended")


def screen(found: Comparison, *, everything: bool = False) -> None:
    """Case by case, gravest first; then what it came to, how it was weighed, and what to do next."""
    out = console()
    told = [finding for finding in found.findings if everything or finding.verdict != "equivalent"]
    common = [reason for reason, count in Counter(finding.reason for finding in told if finding.reason).items() if count > 2]
    order = {name: rank for rank, name in enumerate(dict.fromkeys(finding.case for finding in told))}
    for case, findings in groupby(sorted(told, key=lambda finding: order[finding.case]), key=lambda finding: finding.case):
        out.print(f"[bold]{shown(case)}[/]", soft_wrap=True)
        _rows(list(findings), common)
    for reason in common:
        count = sum(finding.reason == reason for finding in told)
        out.print(f"[bold]{count} times[/]  {shown(reason)}")
    if found.differences:
        pairs = "; ".join(f"{name} {was} → {now}" for name, (was, now) in found.differences.items())
        out.print(f"[bold]differs[/]  {shown(pairs)}")
    for note in found.notes:
        out.print(f"[yellow]note[/]  {shown(note)}")
    colour = _COLOURS.get(found.exit_code, "green")
    out.print(f"\n[{colour} bold]{shown(words.headline(found))}[/]: {shown(found.candidate)} against {shown(found.base)}")
    for sentence in (words.sizes(found), words.advice(found)):
        if sentence:
            out.print(shown(sentence))


def _rows(findings: list[Finding], common: list[str]) -> None:
    """The findings of one case; reasons that many share are told once, at the end."""
    out = console()
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    for width, right in ((17, False), (12, False), (7, True), (16, False), (20, False)):
        table.add_column(min_width=width, justify="right" if right else "left", no_wrap=True)
    numbered = [finding for finding in findings if finding.metric and finding.base is not None]
    for finding in numbered:
        change, interval, values = words.change(finding), words.interval(finding), words.values(finding)
        table.add_row(f" {words.subject(finding)}", _verdict(finding), change, interval, values)
    if numbered:
        out.print(table)
    for finding in findings:
        told = "" if finding.reason in common else finding.reason
        if finding not in numbered:
            out.print(f" {shown(words.subject(finding))} {_verdict(finding)}: {shown(told or words.meaning(finding.verdict))}")
        elif told:
            out.print(f"   [dim]{shown(words.subject(finding))}: {shown(told)}[/]")


def _verdict(finding: Finding) -> str:
    colour = "green" if finding.verdict in _GOOD else _COLOURS.get(finding.exit_code, "default")
    return f"[{colour}]{finding.verdict}[/]"
