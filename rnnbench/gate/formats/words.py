"""Findings in words, shared by every format."""

from collections.abc import Sequence

from rnnbench import units
from rnnbench.gate.policy import OF_TRAININGS
from rnnbench.gate.verdict import VERDICTS, Comparison, Finding
from rnnbench.record import METRICS


def subject(finding: Finding) -> str:
    """What the finding is about: a metric's label, or the case."""
    return METRICS[finding.metric].label if finding.metric in METRICS else finding.metric or "case"


def change(finding: Finding) -> str:
    """`+5.3 %`; a dash where there is no ratio."""
    return units.NONE if finding.ratio is None else units.change(finding.ratio)


def interval(finding: Finding, confidence: float = 0.0) -> str:
    """`+3.9 to +6.7 %`; empty where a figure is exact or has no interval. A coverage below `confidence` is stated."""
    if finding.low is None or finding.high is None or finding.test == "exact":
        return ""
    short = finding.coverage is not None and finding.coverage < confidence - 5e-4
    return units.changes(finding.low, finding.high) + (f" ({units.percent(round(finding.coverage or 0, 3))} CI)" if short else "")


def values(finding: Finding) -> str:
    """`10.2 → 10.7 ms`."""
    if finding.base is None or finding.candidate is None:
        return ""
    if finding.test == "exact" and finding.base != finding.candidate and not finding.metric.endswith("_s"):
        before, after = (f"{value:,.0f}" if float(value).is_integer() else f"{value:,.6g}" for value in (finding.base, finding.candidate))
        return f"{before} → {after}{' B' if finding.metric.endswith('_bytes') else ''}"
    before, after = units.show(finding.metric, finding.base), units.show(finding.metric, finding.candidate)
    unit = after.partition(" ")[2]
    return f"{before.removesuffix(f' {unit}')} → {after}" if unit and before.endswith(f" {unit}") else f"{before} → {after}"


def headline(comparison: Comparison) -> str:
    """`2 regressed, 1 inconclusive, 45 equivalent`."""
    counts = comparison.counts
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing was compared"


def sentence(finding: Finding) -> str:
    """A finding in one line."""
    parts = [f"{subject(finding)} {finding.verdict}"]
    if finding.ratio is not None and finding.verdict != "equivalent":
        within = interval(finding)
        parts.append(f"{change(finding)}{f' ({within})' if within else ''}, {values(finding)}".rstrip(", "))
    if finding.reason:
        parts.append(finding.reason)
    return "; ".join(parts)


def sizes(comparison: Comparison) -> str:
    """How the evidence was weighed, and the smallest change that would have failed the comparison."""
    judged = [finding for finding in comparison.findings if finding.p_worse is not None]
    tested = [finding for finding in judged if finding.metric not in OF_TRAININGS]
    return " ".join(filter(None, (_of_times(comparison, tested) if tested or not judged else "", _of_seeds(comparison, judged))))


def _of_seeds(comparison: Comparison, judged: Sequence[Finding]) -> str:
    """How trainings were compared."""
    trained = [finding for finding in judged if finding.metric in OF_TRAININGS]
    if not trained:
        return ""
    counts = sorted({min(finding.processes) for finding in trained})
    many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    tests = " and ".join(sorted({finding.test for finding in trained}))
    effects = sorted({finding.min_effect for finding in trained if finding.min_effect})
    effect = units.percent(effects[0]) if len(effects) == 1 else f"{units.percent(effects[0])} to {units.percent(effects[-1])}"
    return f"Trainings: {tests} over {many} seeds a side, against a minimum effect of {effect} at {units.percent(comparison.alpha)} in all."


def _of_times(comparison: Comparison, tested: Sequence[Finding]) -> str:
    if not tested:
        exact = all(finding.test == "exact" for finding in comparison.findings if finding.metric)
        return "Only exact figures were compared: any difference counts." if exact else ""
    tests = " and ".join(sorted({finding.test for finding in tested}))
    effects = sorted({finding.min_effect for finding in tested if finding.min_effect})
    effect = units.percent(effects[0]) if len(effects) == 1 else f"{units.percent(effects[0])} to {units.percent(effects[-1])}"
    counts = sorted({min(finding.processes) for finding in tested})
    many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    unit = "pairs of processes" if comparison.paired else "processes a side"
    return (
        f"{tests} over {many} {unit}, against a minimum effect of {effect} at {units.percent(comparison.alpha)} in all;"
        f" intervals are {units.percent(comparison.confidence)} CIs. {_power(tested)}"
    )


def _power(tested: Sequence[Finding]) -> str:
    """What could have been shown, at the level that is corrected for the number of figures."""
    among = f" in one of {len(tested)} figures" if len(tested) > 1 else ""
    known = sorted(finding.detectable for finding in tested if finding.detectable is not None)
    if not known:
        return f"No change, however large, could have been shown{among} by so few processes."
    middle, most = _size(known[len(known) // 2]), _size(known[-1])
    noisiest = f" ({most} in the noisiest)" if most != middle else ""
    return f"A change of {middle}{among} would have been shown nine times of ten{noisiest}."


def _size(change: float) -> str:
    return units.percent(change) if change < 10 else "more than ten-fold"


def design(comparison: Comparison) -> str:
    """`precision fp32 → bf16`: what the sides differ in on purpose; empty for two runs of the same settings."""
    pairs = (f"{name} {_spelled(before)} → {_spelled(after)}" for name, (before, after) in comparison.design.items())
    return ", ".join(pairs)


def _spelled(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)


def advice(comparison: Comparison) -> str:
    """What to do next."""
    counts = comparison.counts
    if "incompatible" in counts:
        return "Times from different machines or budgets cannot be compared: measure both sides alike, or use rnnbench duet."
    unsure = [finding for finding in comparison.findings if finding.verdict == "inconclusive"]
    if unsure and all(finding.metric in OF_TRAININGS for finding in unsure):
        return "To settle what is inconclusive, train both sides with more seeds: --set seed=0,1,2,3,4,5,6,7,8,9."
    if any(finding.reason.startswith("advisory") for finding in comparison.findings):
        return "Repeat both runs with --processes 10, or use rnnbench duet."
    if any(finding.verdict == "regressed" and not finding.failing for finding in comparison.findings):
        more = "with more --pairs" if comparison.paired else "with more --processes, or use rnnbench duet"
        return f"A change is likely but not certain: repeat {more}."
    if "inconclusive" in counts:
        more = "more --pairs" if comparison.paired else "more --processes, rnnbench duet"
        return f"To settle what is inconclusive: {more}, a quieter machine, or a larger --min-effect."
    if "missing" in counts or "broken" in counts:
        return "Each case states its reason; the candidate's logs/ folder has the details."
    return ""


def acceptance(comparison: Comparison) -> str:
    """The command that makes what failed the new baseline; empty where nothing failed or the base is none."""
    kind, _, name = comparison.base.partition(":")
    if kind != "baseline" or not any(finding.failing for finding in comparison.findings):
        return ""
    exact = all(finding.test == "exact" for finding in comparison.findings if finding.metric and finding.base is not None)
    return f"rnnbench baseline save {name} {'--only deterministic ' if exact else ''}--force"


def meaning(verdict: str) -> str:
    """What a verdict means."""
    return VERDICTS[verdict].about
