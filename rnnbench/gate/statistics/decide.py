"""Deciding hypotheses about many cases together: what fails, is listed, or is equivalent. Multiple-testing corrections are here.

* Fails: the family's error rate is at most the level. Holm's correction of rank tests; for cases with so few processes that ranks could
  not reach a corrected level, the joint permutation test, on their share of the level.
* Listed, improved, equivalent: Benjamini and Hochberg's correction: of those so called, at most the level's share is expected to be wrong.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rnnbench.gate.statistics.evidence import NO_DRIFT, Evidence, Sample, benjamini_hochberg, holm, t_test, weigh
from rnnbench.gate.statistics.permutation import stepped_down
from rnnbench.gate.statistics.power import detectable, detectable_jointly
from rnnbench.gate.verdict import Finding
from rnnbench.record import METRICS

JOINT = "joint permutation"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A finding still to be decided, with its sample. `drift` are the ends of the machine's own log-shift between the two sides."""

    finding: Finding
    sample: Sample
    drift: tuple[float, float] = NO_DRIFT

    @property
    def effect(self) -> float:
        """The minimum effect."""
        return self.finding.min_effect or 0.0

    @property
    def worse(self) -> int:
        """The sign of a shift for the worse."""
        return -1 if METRICS[self.finding.metric].better == "higher" else 1


@dataclass(frozen=True, slots=True)
class _Direction:
    """One-sided p-values of all hypotheses in one direction: raw, and corrected for the family and for the false discovery rate."""

    raw: list[float]
    family: list[float]
    listed: list[float]


def decide(
    hypotheses: Sequence[Hypothesis], alpha: float, family: int | None = None, *, spent: float = 0.0, interval_at: float | None = None
) -> list[Finding]:
    """The verdict of each, corrected for their number, or for `family` where more were tested than are here.

    `spent` is the part of alpha that was used up beforehand, as for the ends of `drift`. Intervals miss at either end with probability
    `interval_at` (default: what is left of alpha)."""
    if not hypotheses:
        return []
    count, level = max(family or 0, len(hypotheses)), alpha - spent
    weighed = [weigh(one.sample, one.effect, interval_at or level, one.drift) for one in hypotheses]
    joint = [place for place, one in enumerate(hypotheses) if one.sample.least_p * count > level]
    worse, needed = _direction(hypotheses, weighed, joint, count, level, worse=True)
    better, _ = _direction(hypotheses, weighed, joint, count, level, worse=False)
    within = _padded(benjamini_hochberg, [one.p_within for one in weighed], count)
    found = []
    for place, (one, evidence) in enumerate(zip(hypotheses, weighed, strict=True)):
        failing = worse.family[place] <= level
        listed = failing or worse.listed[place] <= level
        gained = better.family[place] <= level or better.listed[place] <= level
        verdict = "regressed" if listed else "improved" if gained else "equivalent" if within[place] <= level else "inconclusive"
        seen = detectable_jointly(one.sample, one.effect, needed) if place in joint else detectable(one.sample, one.effect, level / count)
        why = "" if failing or not listed else "likely worse (Benjamini–Hochberg), not certain (Holm): repeat with more processes"
        found.append(
            replace(
                one.finding,
                verdict=verdict,
                ratio=evidence.ratio,
                low=evidence.low,
                high=evidence.high,
                coverage=_coverage(one, evidence, spent),
                detectable=seen if math.isfinite(seen) else None,
                test=JOINT if place in joint else evidence.test,
                p_worse=min(1.0, worse.raw[place] + spent),
                p_holm=min(1.0, worse.family[place] + spent),
                p_bh=min(1.0, worse.listed[place] + spent),
                failing=failing,
                reason="; ".join(filter(None, (why, one.finding.reason))),
            )
        )
    return found


def _coverage(one: Hypothesis, evidence: Evidence, spent: float) -> float:
    return evidence.coverage - (2 * spent if one.drift != NO_DRIFT else 0.0)


def _direction(
    hypotheses: Sequence[Hypothesis], weighed: Sequence[Evidence], joint: Sequence[int], count: int, level: float, *, worse: bool
) -> tuple[_Direction, float]:
    """The p-values of a change for the worse, or for the better, and the statistic that a joint test asks for."""
    signs = [one.worse if worse else -one.worse for one in hypotheses]
    raw = [one.p_above if sign > 0 else one.p_below for one, sign in zip(weighed, signs, strict=True)]
    ranked = [place for place in range(len(hypotheses)) if place not in set(joint)]
    family, needed = [1.0] * len(hypotheses), math.inf
    for place, p in zip(ranked, _padded(holm, [raw[place] for place in ranked], count), strict=True):
        family[place] = p
    for sign in {signs[place] for place in joint}:
        places = [place for place in joint if signs[place] == sign]
        share = count / len(places)  # this group's part of the level
        if len(places) > 1:
            samples = [_against_drift(hypotheses[place], sign) for place in places]
            edges = [math.log1p(hypotheses[place].effect) for place in places]
            found, needed = stepped_down(samples, edges, sign, level / share)
        else:
            found = [raw[place] for place in places]
        for place, p in zip(places, found, strict=True):
            family[place] = min(1.0, p * share)
    return _Direction(raw, family, _padded(benjamini_hochberg, raw, count)), needed


def _against_drift(one: Hypothesis, sign: int) -> Sample:
    """The sample with the drift taken away that is least in favour of the claim."""
    return replace(one.sample, candidate=one.sample.candidate - (one.drift[1] if sign > 0 else one.drift[0]))


def _padded(correct: Callable[[Sequence[float]], list[float]], p_values: Sequence[float], count: int) -> list[float]:
    """Corrected as if the hypotheses that are not here had shown nothing."""
    return correct([*p_values, *[1.0] * (count - len(p_values))])[: len(p_values)]


def screened(hypotheses: Sequence[Hypothesis], level: float, family: int, *, interval_at: float) -> list[Finding]:
    """Verdicts that raise a flag, and confirm nothing: as `decide`, with t tests where ranks cannot reach the corrected level."""
    found = decide(hypotheses, level, family, interval_at=interval_at)
    flags = [t_test(one.sample, one.effect) for one in hypotheses]
    absent = [1.0] * (max(family, len(hypotheses)) - len(hypotheses))
    raised = []
    for sign in (1, -1):
        p = [above if sign * one.worse > 0 else below for one, (above, below) in zip(hypotheses, flags, strict=True)]
        raised.append([value <= level for value in holm([*p, *absent])[: len(p)]])
    out = []
    for one, hypothesis, worse, better in zip(found, hypotheses, *raised, strict=True):
        if hypothesis.sample.least_p * family > level and not one.failing and (worse or better):
            out.append(replace(one, verdict="regressed" if worse else "improved", failing=worse, reason=hypothesis.finding.reason))
        else:
            out.append(one)
    return out
