"""Findings in words, for every format alike."""

from rnnbench import units
from rnnbench.analysis.verdict import VERDICTS, Comparison, Finding
from rnnbench.record import METRICS


def subject(finding: Finding) -> str:
    """What the finding is about: a metric's label, or the case."""
    return METRICS[finding.metric].label if finding.metric in METRICS else finding.metric or "case"


def change(finding: Finding) -> str:
    """`+5.3 %`; a dash where there is no ratio."""
    return units.NONE if finding.ratio is None else units.change(finding.ratio)


def interval(finding: Finding) -> str:
    """`+3.9 to +6.7 %`; nothing where a figure is exact or there is no interval."""
    if finding.low is None or finding.high is None or finding.test == "exact":
        return ""
    return units.changes(finding.low, finding.high)


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
    """One line with all that matters."""
    parts = [f"{subject(finding)} {finding.verdict}"]
    if finding.ratio is not None and finding.verdict != "equivalent":
        within = interval(finding)
        parts.append(f"{change(finding)}{f' ({within})' if within else ''}, {values(finding)}".rstrip(", "))
    if finding.reason:
        parts.append(finding.reason)
    return "; ".join(parts)


def sizes(comparison: Comparison) -> str:
    """How the evidence was weighed, and the smallest change that all of it could have shown."""
    tested = [finding for finding in comparison.findings if finding.p_worse is not None]
    if not tested:
        exact = all(finding.test == "exact" for finding in comparison.findings if finding.metric)
        return "Only exact figures were compared: any difference counts." if exact else ""
    tests = " and ".join(sorted({finding.test for finding in tested}))
    seen = sorted(finding.detectable for finding in tested if finding.detectable is not None)
    effects = sorted({finding.min_effect for finding in tested if finding.min_effect})
    effect = units.percent(effects[0]) if len(effects) == 1 else f"{units.percent(effects[0])} to {units.percent(effects[-1])}"
    counts = sorted({min(finding.processes) for finding in tested})
    many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    unit = "pairs of processes" if comparison.paired else "processes a side"
    return (
        f"{tests} over {many} {unit}, against a minimum effect of {effect} at {units.percent(comparison.alpha)};"
        f" a change of {_size(seen[len(seen) // 2])} would have been seen nine times of ten{_noisiest(seen)}."
    )


def _noisiest(seen: list[float]) -> str:
    return f" in the middle case, {_size(seen[-1])} in the noisiest" if len(seen) > 1 else ""


def _size(change: float) -> str:
    return units.percent(change) if change < 10 else "more than ten-fold"


def advice(comparison: Comparison) -> str:
    """What to do next."""
    counts = comparison.counts
    if "incompatible" in counts:
        return "Times of different machines or budgets say nothing of the code: measure both sides alike, or use rnnbench duet."
    if any(finding.reason.startswith("advisory") for finding in comparison.findings):
        return "Repeat both runs with --processes 10, or let rnnbench duet decide."
    if any(finding.verdict == "regressed" and not finding.failing for finding in comparison.findings):
        return "A change is likely but not sure: repeat with more --processes, or let rnnbench duet decide."
    if "inconclusive" in counts:
        return "To decide what is inconclusive: more --processes, a quieter machine, rnnbench duet, or a larger --min-effect."
    if "missing" in counts or "broken" in counts:
        return "The reasons stand beside each case; the candidate's logs/ has the rest."
    return ""


def meaning(verdict: str) -> str:
    """What a verdict means."""
    return VERDICTS[verdict].about
