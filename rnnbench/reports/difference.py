"""Two runs held against each other: the verdict, what changed, what was not compared, how the environments differ."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.compare import NothingToCompare, compare
from rnnbench.analysis.formats import words as told
from rnnbench.analysis.policy import Policy
from rnnbench.analysis.side import side_of_run
from rnnbench.analysis.store import Loaded
from rnnbench.analysis.sweep import Sweep
from rnnbench.analysis.verdict import CHANGES, VERDICTS, Comparison, Finding
from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from rnnbench.reports import words
from rnnbench.reports.forest import forest
from rnnbench.reports.glance import Cell, Table
from rnnbench.reports.panels import Panel
from rnnbench.reports.saying import say

MOST_ROWS = 60
MOST_NAMED = 200
_CHANGED = (*CHANGES, "broken", "mended")
_TINTS = {"regressed": -1.0, "broken": -1.0, "improved": 1.0, "mended": 1.0}
_UNDECIDED = ("incompatible", "missing", "failed", "inconclusive", "new")


@dataclass(frozen=True, slots=True)
class Group:
    """What was not decided for one reason: how many figures, and of which cases."""

    verdict: str
    reason: str
    count: int
    cases: Sequence[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """What the page says of a candidate against its base. `tone` is good, bad or open."""

    key: str
    base: str
    candidate: str
    tone: str
    headline: Markup
    counts: Sequence[tuple[str, int, str]] = ()
    changed: Table | None = None
    undecided: Sequence[Group] = ()
    panel: Panel | None = None
    differences: Mapping[str, tuple[Any, Any]] | None = None
    notes: Sequence[str] = ()
    how: str = ""
    advice: str = ""


def differences(loaded: Sequence[Loaded], found: Sequence[Sweep], policy: Policy) -> list[Difference]:
    """Each further run against the first."""
    names = case_names(found)
    return [_difference(f"c{number}", loaded[0], other, policy, names) for number, other in enumerate(loaded[1:])]


def case_names(found: Sequence[Sweep]) -> dict[str, str]:
    """Each case's id → the values that tell it from the others: "lstm, 4 layers, bf16"."""
    names = {}
    for sweep in found:
        axes = [axis for axis in sweep.varying if axis != "run"] or ["variant"]
        before = f"{sweep.name}: " if len(found) > 1 else ""
        for row in sweep.cases[["id", *axes]].itertuples(index=False):
            names[row[0]] = before + words.values(dict(zip(axes, row[1:], strict=True)))
    return names


def _difference(key: str, base: Loaded, candidate: Loaded, policy: Policy, names: Mapping[str, str]) -> Difference:
    try:
        found = compare(side_of_run(base), side_of_run(candidate), policy)
    except NothingToCompare as error:
        return Difference(key, base.run.id, candidate.run.id, "open", say("<b>Nothing to compare:</b> {}.", str(error)[:400]))
    return Difference(
        key=key,
        base=found.base,
        candidate=found.candidate,
        tone={EXIT_REGRESSION: "bad", EXIT_INCONCLUSIVE: "open"}.get(found.exit_code, "good"),
        headline=_headline(found),
        counts=[(name, count, VERDICTS[name].about) for name, count in found.counts.items()],
        changed=_changed(found, names),
        undecided=_groups(found.findings, names),
        panel=forest(found.findings, names, f"{key}-forest"),
        differences=found.differences,
        notes=found.notes,
        how=told.sizes(found),
        advice=told.advice(found),
    )


def _headline(found: Comparison) -> Markup:
    """The verdict in one sentence."""
    sure = [one for one in found.findings if one.exit_code == EXIT_REGRESSION]
    open_ = sum(one.exit_code == EXIT_INCONCLUSIVE for one in found.findings)
    better, decided = found.counts.get("improved", 0), len(found.findings)
    if sure:
        cases = len({one.case for one in sure})
        return say("<b>Worse:</b> {} of {} surely got worse, in {}.", len(sure), words.count(decided, "figure"), words.count(cases, "case"))
    if open_:
        rest = " Nothing is surely worse." if open_ < decided else ""
        return say("<b>Not decided:</b> {} of {} could not be told.{}", open_, words.count(decided, "figure"), rest)
    if better:
        return say("<b>Better:</b> {} of {} surely improved, and none got worse.", better, words.count(decided, "figure"))
    return say("<b>No difference that matters:</b> all {} lie within the smallest change that counts.", words.count(decided, "figure"))


def _changed(found: Comparison, names: Mapping[str, str]) -> Table | None:
    """What is another than it was, gravest first."""
    loud = [one for one in found.findings if one.verdict in _CHANGED]
    if not loud:
        return None
    rows = [
        [
            Cell(names.get(one.case, words.visible(one.case))),
            Cell(told.subject(one)),
            Cell(one.verdict + ("" if one.failing or one.verdict != "regressed" else " (listed)"), tint=_TINTS.get(one.verdict)),
            Cell(told.change(one), told.interval(one)),
            Cell(told.values(one) or units.NONE, one.reason[:160]),
        ]
        for one in loud[:MOST_ROWS]
    ]
    left = len(loud) - len(rows)
    note = f"Small figures: {units.percent(1 - found.alpha)} confidence intervals of candidate ÷ base."
    if any("divided out of" in one for one in found.notes):
        note += " The machine's drift is divided out of the changes, not of the times beside them."
    if left:
        note += f" {words.count(left, 'further change')}: rnnbench compare --all lists them."
    return Table("What changed", ("case", "figure", "verdict", "change", "base → candidate"), rows, note)


def _groups(findings: Iterable[Finding], names: Mapping[str, str]) -> list[Group]:
    """What was not compared or not decided, by verdict and reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in findings:
        if one.verdict in _UNDECIDED:
            groups.setdefault((one.verdict, _reason(one)), []).append(names.get(one.case, words.visible(one.case)))
    return [Group(verdict, reason, len(cases), list(dict.fromkeys(cases))[:MOST_NAMED]) for (verdict, reason), cases in groups.items()]


def _reason(one: Finding) -> str:
    """Why, without what differs from case to case: the nearest other case, or the size of a change, which the figure shows."""
    before, but, after = one.reason.partition(", but ")
    if but and before.startswith("advisory: "):
        return f"advisory: {after}"
    return (
        VERDICTS[one.verdict].about if one.verdict in ("missing", "new") and not one.metric else one.reason or VERDICTS[one.verdict].about
    )
