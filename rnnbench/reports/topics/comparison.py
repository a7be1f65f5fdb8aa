"""Two runs compared: the verdict or, at two settings, gains and costs; what changed, what was not compared, how the runs differ."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.frames import Loaded
from rnnbench.analysis.sweep import Sweep
from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from rnnbench.gate.compare import NothingToCompare, compare
from rnnbench.gate.formats import words as figures
from rnnbench.gate.policy import Policy
from rnnbench.gate.settings_pairs import paired_by_setting
from rnnbench.gate.side import side_of_run
from rnnbench.gate.verdict import CHANGES, VERDICTS, Comparison, Finding
from rnnbench.reports import words
from rnnbench.reports.draw.forest import forest
from rnnbench.reports.draw.panels import Panel
from rnnbench.reports.sentences import markup
from rnnbench.reports.table import Cell, Table
from rnnbench.reports.topics.comparison_headline import headline, verdict_word
from rnnbench.reports.topics.run_differences import run_differences, side_names

MOST_ROWS = 60
MOST_NAMED = 200
_CHANGED = (*CHANGES, "broken", "mended")
_TINTS = {"regressed": -1.0, "broken": -1.0, "improved": 1.0, "mended": 1.0}
_UNDECIDED = ("incompatible", "missing", "failed", "inconclusive", "new")


@dataclass(frozen=True, slots=True)
class Group:
    """What was not decided for one reason: the number of figures, and their cases."""

    verdict: str
    reason: str
    count: int
    cases: Sequence[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A candidate compared with its base. `base` and `candidate` are their names for people, `ids` the runs'. `tone` is good, bad or open.

    `differences` is what the runs differ in, name → (base, candidate); None where nothing could be compared."""

    key: str
    base: str
    candidate: str
    ids: tuple[str, str]
    tone: str
    headline: Markup
    counts: Sequence[tuple[str, int, str]] = ()
    changed: Table | None = None
    undecided: Sequence[Group] = ()
    panel: Panel | None = None
    differences: Mapping[str, tuple[str, str]] | None = None
    notes: Sequence[str] = ()
    how: str = ""
    advice: str = ""


def differences(loaded: Sequence[Loaded], found: Sequence[Sweep], policy: Policy) -> list[Difference]:
    """Each further run compared with the first."""
    names = case_names(found)
    return [_difference(f"c{number}", loaded[0], other, policy, names) for number, other in enumerate(loaded[1:])]


def case_names(found: Sequence[Sweep]) -> dict[str, str]:
    """Each case's id → the values that distinguish it from the others: "lstm, 4 layers, bf16"."""
    names = {}
    for sweep in found:
        pooled = ("run", "seed") if (sweep.cases["phase"] == "converge").all() else ("run",)
        axes = [axis for axis in sweep.varying if axis not in pooled] or ["variant"]
        before = f"{sweep.name}: " if len(found) > 1 else ""
        for row in sweep.cases[["id", *axes]].itertuples(index=False):
            names[row[0]] = before + words.values(dict(zip(axes, row[1:], strict=True)))
    return names


def _difference(key: str, base: Loaded, candidate: Loaded, policy: Policy, names: Mapping[str, str]) -> Difference:
    ids = base.run.id, candidate.run.id
    first = side_of_run(base)
    try:
        found = compare(first, paired_by_setting(first, side_of_run(candidate)), policy)
    except NothingToCompare as error:
        called = side_names(base.run, candidate.run, {})
        return Difference(key, *called, ids, "open", markup("<b>Nothing to compare:</b> {}.", str(error)[:400]))
    called = side_names(base.run, candidate.run, found.design)
    names = _without_design(names, found)
    return Difference(
        key=key,
        base=called[0],
        candidate=called[1],
        ids=ids,
        tone=_tone(found),
        headline=headline(found, called, names),
        counts=[(verdict_word(name, found), count, VERDICTS[name].about) for name, count in found.counts.items()],
        changed=_changed(found, names),
        undecided=_groups(found, names),
        panel=forest(found, names, f"{key}-forest"),
        differences=run_differences(base.run, candidate.run, found),
        notes=found.notes,
        how=figures.sizes(found),
        advice=figures.advice(found),
    )


def _tone(found: Comparison) -> str:
    return {EXIT_REGRESSION: "bad", EXIT_INCONCLUSIVE: "open"}.get(found.exit_code, "good")


def _without_design(names: Mapping[str, str], found: Comparison) -> Mapping[str, str]:
    """Between two settings, cases are called by what they share: the setting itself is in the title."""
    own = {words.value(axis, value) for axis, pair in found.design.items() for value in pair if not isinstance(value, list)}
    if not own:
        return names
    return {name: ", ".join(part for part in text.split(", ") if part not in own) or _variant(name) for name, text in names.items()}


def _variant(case: str) -> str:
    """The variant in a case's id."""
    return words.visible(case.partition("/")[2].partition("-")[0] or case)


def _changed(found: Comparison, names: Mapping[str, str]) -> Table | None:
    """What changed, gravest first."""
    loud = [one for one in found.findings if one.verdict in _CHANGED]
    if not loud:
        return None
    rows = [
        [
            Cell(names.get(one.case, words.visible(one.case))),
            Cell(figures.subject(one)),
            Cell(
                verdict_word(one.verdict, found) + ("" if one.failing or one.verdict != "regressed" else " (listed)"),
                tint=_TINTS.get(one.verdict),
            ),
            Cell(figures.change(one), figures.interval(one, found.confidence)),
            Cell(figures.values(one) or units.NONE, one.reason[:160]),
        ]
        for one in loud[:MOST_ROWS]
    ]
    left = len(loud) - len(rows)
    note = f"Ranges are {units.percent(found.confidence)} confidence intervals of the change."
    if left:
        note += f" {words.count(left, 'more change')}: rnnbench compare --all lists them."
    return Table("What changed", ("case", "figure", "verdict", "change", "base → candidate"), rows, note)


def _groups(found: Comparison, names: Mapping[str, str]) -> list[Group]:
    """What was not compared or not decided, by verdict and reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in _undecided(found.findings):
        groups.setdefault((one.verdict, _reason(one)), []).append(names.get(one.case, words.visible(one.case)))
    return [Group(verdict, reason, len(cases), list(dict.fromkeys(cases))[:MOST_NAMED]) for (verdict, reason), cases in groups.items()]


def _undecided(findings: Iterable[Finding]) -> list[Finding]:
    return [one for one in findings if one.verdict in _UNDECIDED]


def _reason(one: Finding) -> str:
    """Why, without what differs from case to case: the nearest other case, or the size of a change, which the figure shows."""
    before, but, after = one.reason.partition(", but ")
    if but and before.startswith("advisory: "):
        return f"advisory: {after}"
    alone = one.verdict in ("missing", "new") and not one.metric
    return VERDICTS[one.verdict].about if alone else one.reason or VERDICTS[one.verdict].about
