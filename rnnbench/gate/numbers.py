"""Do both sides compute the same numbers? Fingerprints of one seed and batch, and distances from the reference form."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rnnbench.gate.match import Match
from rnnbench.gate.verdict import Finding
from rnnbench.record import DISTANCES, FINGERPRINTS

WAYS = frozenset(("suite", "precision", "implementation", "execution", "device"))
"""Axes that say how a network is run, not which it is."""
_OF = {"output": "outputs", "loss": "loss", "gradient": "gradients"}


def same_numbers(one: Match) -> Iterator[Finding]:
    """A finding for each fingerprint that both sides have. Equal bits are equivalent; a difference within the tolerance of the lower
    precision, as another order of additions makes it, is a change; beyond it the two are not one network, and the comparison fails. Sides
    that differ in more than the way in which one network is run have nothing in common here."""
    before_axes, after_axes = one.base.axes or {}, one.candidate.axes or {}
    if any(before_axes.get(name) != after_axes.get(name) for name in {*before_axes, *after_axes} - WAYS):
        return
    for metric in FINGERPRINTS:
        before, after = (sorted(set(side.values.get(metric, {}).values())) for side in (one.base, one.candidate))
        if not before or not after:
            continue
        apart = max(abs(b - a) for a in before for b in after) / (abs(before[0]) or 1.0)
        allowed = max(_tolerance(metric, side.axes) for side in (one.base, one.candidate))
        ratio = after[-1] / before[0] if before[0] else None
        plain = Finding(
            case=one.candidate.id,
            metric=metric,
            verdict="equivalent",
            base=before[0],
            candidate=after[-1],
            ratio=ratio,
            low=ratio,
            high=ratio,
            min_effect=allowed,
            processes=(len(one.base.values[metric]), len(one.candidate.values[metric])),
            test="exact",
            renamed_from=one.renamed_from,
        )
        if not apart:
            yield plain
        elif apart <= allowed:
            yield replace(plain, verdict="changed", reason=f"{_name(metric)} differ by {apart:.1g}, within the tolerance of {allowed:g}")
        else:
            reason = f"other numbers: {_name(metric)} of the same seed and batch differ by {apart:.2g} (tolerance {allowed:g})"
            yield replace(plain, verdict="regressed", failing=True, reason=reason)


def said_first(findings: Sequence[Finding]) -> list[str]:
    """What a comparison says before anything else, where two sides do not compute the same."""
    cases = list(dict.fromkeys(one.case for one in findings if one.metric in FINGERPRINTS and one.failing))
    if not cases:
        return []
    which = cases[0] if len(cases) == 1 else f"{len(cases)} cases, {cases[0]} among them,"
    return [f"{which} do{'es' if len(cases) == 1 else ''} not compute the same numbers on both sides: a speed-up there is none"]


def _tolerance(metric: str, axes: object) -> float:
    """By the side's precision; that of fp32 where it is not known."""
    allowed = DISTANCES[metric.replace("fingerprint", "distance")]
    precision = axes.get("precision") if isinstance(axes, dict) else None
    return allowed.get(str(precision), allowed["fp32"])


def _name(metric: str) -> str:
    return _OF[metric.removesuffix("_fingerprint")]
