"""How each value of a varied category stands to its baseline, in sentences: over all matched pairs, or phase by phase."""

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.fit import Contrast, contrast
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import words
from rnnbench.reports.crossings import passes
from rnnbench.reports.glance import WAYS, speed_ups
from rnnbench.reports.saying import say

MOST_CONTRASTS = 5
_CATEGORIES = ("variant", "precision", "implementation", "execution", "bidirectional", "device")  # runs: see difference.py


def contrasts(sweep: Sweep) -> Iterator[tuple[Markup, str]]:
    """Each value of a varied category against its baseline: the swept one first, then the hue, then the rest."""
    axes = [axis for axis in dict.fromkeys((sweep.x, sweep.hue, *_CATEGORIES)) if axis in _CATEGORIES and axis in sweep.varying]
    told = {sweep.hue if sweep.families else "", sweep.x if sweep.metric == "beside_ratio" else ""}  # as crossings, as a ranking
    axes = [axis for axis in axes if axis not in told]
    matrices = {axis for axis in WAYS if axis in axes and speed_ups(sweep, axis) is not None}
    for axis in axes:
        base = sweep.baseline(axis)
        against = [(value, contrast(sweep.cases, axis, value, base)) for value in sweep.values(axis) if value != base]
        for value, found in [(value, found) for value, found in against if found is not None][:MOST_CONTRASTS]:
            anchor = f"{sweep.key}-{f'matrix-{axis}' if axis in matrices else 'scaling'}"
            name = words.value(axis, value)
            kept = contrast(sweep.cases, axis, value, base, "activation_bytes") if axis != "device" else None
            crossed = passes(sweep, value, base) if axis == sweep.hue and not found.clear else None
            named = _SUBJECTS.get(name, name), words.value(axis, base)
            parted = None if found.clear or crossed else _by_phase(sweep, axis, (value, base), *named)
            said = crossed or parted or _versus(*named, found)
            yield said + _kept(kept), anchor


def _by_phase(sweep: Sweep, axis: str, pair: tuple[Any, Any], name: str, base: str) -> Markup | None:
    """Each phase for itself, where the phases do not say the same but one of them says something clear; else None."""
    phases = {phase: contrast(sweep.cases[sweep.cases["phase"] == phase], axis, *pair) for phase in sweep.values("phase")}
    known = {phase: (found, found.low, found.high) for phase, found in phases.items() if found and found.low and found.high}
    if len(known) < 2 or not any(found.clear for found, _, _ in known.values()):
        return None
    told = [
        say("<b>{}</b> the time in a {} <i>({})</i>", units.factor(found.ratio), words.step(phase), units.factors(low, high))
        if found.clear
        else say("from {} to {} in a {}", units.factor(low, 2), units.factor(high, 2), words.step(phase))
        for phase, (found, low, high) in sorted(known.items(), key=lambda pair: not pair[1][0].clear)
    ]
    pairs = sum(found.pairs for found, _, _ in known.values())
    return say("<b>{}</b> against {}: {}, over {} matched pairs.", name, base, Markup(", ").join(told), pairs)


_SUBJECTS = {"both ways": "Reading both ways"}


def _kept(found: Contrast | None) -> Markup:
    """How activations compare, where they differ at all."""
    if found is None or found.low is None or found.high is None or max(found.high - 1, 1 - found.low) < 0.005:
        return say("")
    ends = (
        say(" <i>({} over {} matched pairs)</i>", units.factors(found.low, found.high), found.pairs)
        if found.high - found.low > 0.002
        else ""
    )
    return say(" It keeps <b>{}</b> the activations{}.", units.factor(found.ratio), ends)


def _versus(name: str, base: str, found: Contrast) -> Markup:
    """How a value stands to its baseline, in time of a step."""
    if found.low is None or found.high is None:
        return say("{} took {} the time of {}, in too few rounds for an interval.", name, units.factor(found.ratio), base)
    many = found.pairs > 1
    where = f" over {found.pairs} matched pairs" if many else ""
    if max(found.high - 1, 1 - found.low) <= 0.05 and (many or not found.clear):
        return say(
            "{} and {} are within {} of each other{}.", name, base, units.percent(max(found.high - 1, 1 - found.low)), where or " (95 % CI)"
        )
    if not found.clear and (found.low > 1 or found.high < 1):
        return say("{} against {}: {} the time, too near to tell by {}.", name, base, units.factor(found.ratio),
                   words.count(found.processes, "process", "processes") + (" each" if found.processes == 1 else " a side"))  # fmt: skip
    if not found.clear:
        of = f"the 95 % CIs of {found.pairs} matched pairs reach" if many else "the 95 % CI reaches"
        return say("{} against {}: no one verdict; {} from {} to {} the time.", name, base, of,
                   units.factor(found.low, 2), units.factor(found.high, 2))  # fmt: skip
    kind = "{}" + where if many else "95 % CI {}"
    if found.ratio < 1:
        ends = kind.format(units.factors(1 / found.high, 1 / found.low))
        return say("<b>{}</b> is <b>{}</b> as fast as {} <i>({})</i>.", name, units.factor(1 / found.ratio), base, ends)
    ends = kind.format(units.factors(found.low, found.high))
    return say("<b>{}</b> takes <b>{}</b> the time of {} <i>({})</i>.", name, units.factor(found.ratio), base, ends)
