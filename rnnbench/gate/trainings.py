"""Trainings of two sides, compared over their seeds: who reaches the target in fewer steps, and who reaches better quality.

Seeds are pooled: all cases that differ in nothing but the seed are one group. Steps and quality do not depend on the machine's speed, so
they are compared across machines.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rnnbench import units
from rnnbench.analysis.seed_tests import FEWEST_SEEDS, SeedSample, SeedVerdict, decide
from rnnbench.case import AXES, Case
from rnnbench.gate.match import Match
from rnnbench.gate.policy import OF_TRAININGS, SAMPLED, Policy
from rnnbench.gate.side import Observed, Side
from rnnbench.gate.verdict import Finding

MEASURED = ("ok", "diverged")
STEPS, ERROR = "steps_to_target", "test_error"
_GIVEN = "training_steps"  # of a training that missed its target: how long it was watched
_VERDICTS = {"worse": "regressed", "better": "improved", "alike": "equivalent", "unclear": "inconclusive"}
WORDS = {
    STEPS: {"regressed": "converges slower", "improved": "converges faster", "equivalent": "converges alike"},
    ERROR: {"regressed": "reaches lower quality", "improved": "reaches higher quality", "equivalent": "reaches the same quality"},
}
_UNCLEAR = {
    STEPS: "neither slower, faster nor alike beyond seed variation",
    ERROR: "neither lower, higher nor the same beyond seed variation",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Trainings that differ in nothing but their seed; of a seed in several processes the first counts, as it is no further evidence."""

    id: str
    seeds: Mapping[int, Observed]

    def figure(self, metric: str, seed: int) -> float | None:
        """One seed's figure: infinite where it diverged, None where it has none."""
        one = self.seeds[seed]
        if one.status == "diverged":
            return math.inf
        values = one.values.get(metric, {})
        return values[min(values)] if values else None

    def figures(self, metric: str) -> dict[int, float]:
        """By seed, of those that have one."""
        found = {seed: self.figure(metric, seed) for seed in self.seeds}
        return {seed: value for seed, value in found.items() if value is not None}

    @property
    def steps(self) -> dict[int, float]:
        """Steps to the target by seed; infinite where it was missed."""
        reached, given = self.figures(STEPS), self.figures(_GIVEN)
        return {seed: reached.get(seed, math.inf) for seed in self.seeds if seed in reached or seed in given}

    @property
    def watched(self) -> list[float]:
        """Of each training that missed its target and did not diverge: how many steps it was given."""
        reached = self.figures(STEPS)
        return [steps for seed, steps in self.figures(_GIVEN).items() if seed not in reached]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A finding still to be decided, with its seeds."""

    finding: Finding
    sample: SeedSample
    seeds: tuple[Mapping[int, float], Mapping[int, float]]
    why: str = ""


def is_training(one: Observed) -> bool:
    """Whether the case trains to a target."""
    return one.axes is not None and one.axes.get("phase") == "converge"


def groups_of(side: Side) -> dict[str, Group]:
    """Every group of a side, by its id: that of the case with the default seed."""
    found: dict[str, dict[int, Observed]] = {}
    for one in side.cases.values():
        if is_training(one):
            axes = one.axes or {}
            found.setdefault(group_id(axes), {}).setdefault(int(axes["seed"]), one)
    return {name: Group(name, {seed: one for seed, one in seeds.items() if one.status in MEASURED}) for name, seeds in found.items()}


def group_id(axes: Mapping[str, Any]) -> str:
    """The id of a case without its seed."""
    return str(Case.from_dict({**axes, "seed": AXES["seed"].default}))


def matched_groups(base: Side, candidate: Side, both: Sequence[Match]) -> list[tuple[Group, Group]]:
    """Groups of both sides that answer each other: of one id, or with cases that do (another setting, a suite's new name)."""
    before, after = groups_of(base), groups_of(candidate)
    twins = {group_id(one.base.axes or {}): group_id(one.candidate.axes or {}) for one in both if is_training(one.base)}
    pairs = [(group, after.get(twins.get(name, name))) for name, group in before.items()]
    return [(group, other) for group, other in pairs if other and group.seeds and other.seeds]


def training_findings(pairs: Sequence[tuple[Group, Group]], policy: Policy) -> Iterator[Finding]:
    """A finding for the steps to the target of each pair, and one for its quality where every training was equally long."""
    if policy.only == "deterministic":
        return
    asked = [name for name in OF_TRAININGS if policy.metrics == SAMPLED or name in policy.metrics]
    claims: list[_Claim] = []
    for base, candidate in pairs:
        for metric in asked:
            found = _claim(base, candidate, metric, policy)
            if isinstance(found, Finding):
                yield found
            elif found is not None:
                claims.append(found)
    verdicts = decide([one.sample for one in claims], [one.finding.min_effect or 0.0 for one in claims], policy.alpha)
    yield from (_decided(claim, verdict) for claim, verdict in zip(claims, verdicts, strict=True))


def quality_notes(pairs: Sequence[tuple[Group, Group]]) -> Iterator[str]:
    """Why qualities of some pairs are not compared."""
    left = sum(not _equally_long(*pair) for pair in pairs)
    if left:
        which = "these trainings" if left == len(pairs) else f"{left} of {len(pairs)} trainings"
        yield f"test quality of {which} is not compared: they stopped at their target, after different numbers of steps"


def _claim(base: Group, candidate: Group, metric: str, policy: Policy) -> _Claim | Finding | None:
    sides = (base.steps, candidate.steps) if metric == STEPS else (base.figures(ERROR), candidate.figures(ERROR))
    if not all(sides) or (metric == ERROR and not _equally_long(base, candidate)):
        return None
    counts = len(sides[0]), len(sides[1])
    effect = policy.effect(candidate.id, metric)
    plain = Finding(case=candidate.id, metric=metric, verdict="inconclusive", min_effect=effect, processes=counts)
    targets = [set(group.figures("target_quality").values()) - {math.inf} for group in (base, candidate)]
    if all(targets) and targets[0] != targets[1] and metric == STEPS:
        was, now = (", ".join(f"{one:g}" for one in sorted(some)) for some in targets)
        return replace(plain, reason=f"the target differs: {was} and {now}")
    if min(counts) < FEWEST_SEEDS:
        few = f"{min(counts)} of {FEWEST_SEEDS}"
        side = "" if counts[0] == counts[1] else " in the base" if counts[0] < counts[1] else " in the candidate"
        return replace(plain, reason=f"too few seeds: {few}{side}")
    if metric == ERROR:
        return _Claim(plain, SeedSample([*sides[0].values()], [*sides[1].values()], test="rank sum"), sides)
    horizon = min([*base.watched, *candidate.watched], default=math.inf)
    sample = SeedSample([*sides[0].values()], [*sides[1].values()], horizon)
    if not any(sample.reached):
        return replace(plain, reason="no training of either side reached its target")
    longest = max([*base.watched, *candidate.watched], default=horizon)
    return _Claim(plain, sample, sides, f"compared up to step {horizon:,.0f}, where the first was stopped" if longest > horizon else "")


def _equally_long(base: Group, candidate: Group) -> bool:
    """Whether every training of both that ended took as many steps."""
    found = {steps for group in (base, candidate) for steps in group.figures(_GIVEN).values() if math.isfinite(steps)}
    return len(found) == 1


def _decided(claim: _Claim, verdict: SeedVerdict) -> Finding:
    """The finding with its verdict, figures and words."""
    metric, sample = claim.finding.metric, claim.sample
    same = claim.seeds[0] == claim.seeds[1]
    outcome = "alike" if same else verdict.outcome
    word = WORDS[metric].get(_VERDICTS[outcome], _UNCLEAR[metric])
    medians = [value if math.isfinite(value) else None for value in verdict.medians]
    parts = [f"{word}: {_seeds(sample, medians, metric)}"]
    if same:
        parts.append("every seed gave the same figure on both sides")
    elif outcome == "worse" and not verdict.certain:
        parts.append("likely, not certain: repeat with more seeds")
    parts += [claim.why] if claim.why else []
    shown = same or None not in (verdict.low, verdict.high)
    return replace(
        claim.finding,
        verdict=_VERDICTS[outcome],
        base=medians[0],
        candidate=medians[1],
        ratio=verdict.ratio,
        low=None if same or not shown else verdict.low,
        high=None if same or not shown else verdict.high,
        coverage=None,
        test=f"{sample.test} permutation",
        p_worse=verdict.p_worse,
        p_holm=verdict.p_family,
        p_bh=verdict.p_listed,
        failing=outcome == "worse" and verdict.certain,
        reason="; ".join(parts),
    )


def _seeds(sample: SeedSample, medians: Sequence[float | None], metric: str) -> str:
    """`medians 925 → 1,850 steps; 5 of 5 seeds and 4 of 5 reached the target`."""
    none = "not reached" if metric == STEPS else "diverged"
    ends = [none if value is None else units.show(metric, value) for value in medians]
    before, after = (f"{reached} of {count}" for reached, count in zip(sample.reached, sample.counts, strict=True))
    told = f"median {ends[0]} → {ends[1]}"
    if metric == STEPS:
        return f"{told}; {before} and {after} seeds reached the target"
    diverged = [count - reached for reached, count in zip(sample.reached, sample.counts, strict=True)]
    lost = f"; {diverged[0]} and {diverged[1]} diverged" if any(diverged) else ""
    return f"{told} over {sample.counts[0]} and {sample.counts[1]} seeds{lost}"
