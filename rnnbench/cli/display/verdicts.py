"""A comparison on a terminal, whatever its width."""

from collections import Counter
from itertools import groupby

from rnnbench.cli.display.columns import Column, show
from rnnbench.cli.display.terminal import console, shown, whole_figures
from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from rnnbench.gate.formats import words
from rnnbench.gate.verdict import Comparison, Finding
from rnnbench.reports.topics.comparison_headline import headline, verdict_word
from rnnbench.reports.topics.run_differences import setting_names

_COLOURS = {EXIT_REGRESSION: "red", EXIT_INCONCLUSIVE: "yellow"}
_GOOD = ("improved", "mended")


def screen(found: Comparison, *, everything: bool = False) -> None:
    """Case by case, gravest first; then how the sides differ, the verdict, the evidence, and what to do next."""
    out = console()
    listed = [finding for finding in found.findings if everything or finding.verdict != "equivalent"]
    common = [reason for reason, count in Counter(finding.reason for finding in listed if finding.reason).items() if count > 2]
    order = {name: rank for rank, name in enumerate(dict.fromkeys(finding.case for finding in listed))}
    for case, findings in groupby(sorted(listed, key=lambda finding: order[finding.case]), key=lambda finding: finding.case):
        out.print(f"[bold]{shown(case)}[/]", soft_wrap=True)
        _rows(list(findings), common, found)
    for reason in common:
        count = sum(finding.reason == reason for finding in listed)
        out.print(f"[bold]{count} times[/]  {shown(reason)}")
    if found.by_design:
        out.print(f"[bold]by design[/]  {shown(words.design(found))}")
    if found.differences:
        pairs = "; ".join(f"{name} {was} → {now}" for name, (was, now) in found.differences.items())
        out.print(f"[bold]differs[/]  {shown(pairs)}")
    for note in found.notes:
        out.print(f"[yellow]note[/]  {shown(note)}")
    colour = _COLOURS.get(found.exit_code, "green")
    out.print(f"\n[{colour} bold]{shown(_counts(found))}[/]: {shown(found.candidate)} compared with {shown(found.base)}")
    if found.by_design:
        names = setting_names(found.design) or (found.base, found.candidate)
        out.print(whole_figures(shown(headline(found, names, {}).striptags())))
    for sentence in (words.sizes(found), words.advice(found)):
        if sentence:
            out.print(whole_figures(shown(sentence)))


def _rows(findings: list[Finding], common: list[str], found: Comparison) -> None:
    """The findings of one case; reasons that many share are given once, at the end."""
    out = console()
    numbered = [finding for finding in findings if finding.metric and finding.base is not None]
    for exact in (False, True):  # apart, so that long exact figures leave room for intervals
        _figures([one for one in numbered if (one.test == "exact") is exact], found)
    for finding in findings:
        reason = "" if finding.reason in common else finding.reason
        if finding not in numbered:
            verdict = f"[{_colour(finding) or 'default'}]{verdict_word(finding.verdict, found)}[/]"
            out.print(f" {shown(words.subject(finding))} {verdict}: {shown(reason or words.meaning(finding.verdict))}")
        elif reason:
            out.print(f"   [dim]{shown(words.subject(finding))}: {shown(reason)}[/]")


def _figures(findings: list[Finding], found: Comparison) -> None:
    if findings:
        columns = [
            Column("", [words.subject(one) for one in findings], key=True),
            Column("", [verdict_word(one.verdict, found) for one in findings]),
            Column("", [words.change(one) for one in findings], right=True),
            Column("", [words.interval(one, found.confidence) for one in findings]),
            Column("", [words.values(one) for one in findings]),
        ]
        show(columns, [_colour(one) for one in findings], bold=False, indent=1)


def _counts(found: Comparison) -> str:
    """`2 regressed, 1 inconclusive, 45 equivalent`."""
    return ", ".join(f"{count} {verdict_word(name, found)}" for name, count in found.counts.items()) or "nothing was compared"


def _colour(finding: Finding) -> str:
    return "green" if finding.verdict in _GOOD else _COLOURS.get(finding.exit_code, "")
