"""A duet's decision: play by the plan, flag, confirm. Live over processes that are being measured, or again from what a duet left."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from rnnbench.analysis.frames import Loaded
from rnnbench.case import Case
from rnnbench.errors import UsageError
from rnnbench.gate.findings import compared, hypotheses_of
from rnnbench.gate.policy import Override, Policy
from rnnbench.gate.side import Observed, Side, side_of_run
from rnnbench.gate.statistics.decide import Hypothesis
from rnnbench.gate.statistics.duet_power import smallest_change
from rnnbench.gate.statistics.sequential import Key, LookPlan, confirmed, decided
from rnnbench.gate.verdict import Comparison, Finding, gravest_first
from rnnbench.record import Run

Pair = tuple[Case, Case]
Say = Callable[[str], None]


class Player(Protocol):
    """What measures pairs of fresh processes; `runs.duet.Duet` is one. A pair is named by the two cases that are compared."""

    pairs: tuple[Pair, ...]
    began_s: float

    @property
    def processes(self) -> int:
        """How many have run, on both sides."""

    def play(self, pairs: Sequence[Pair], times: int) -> None:
        """Measure each of these pairs so many more times."""

    def played(self, pair: Pair) -> int:
        """How many times it was measured."""

    def runs(self) -> tuple[Run, Run]:
        """Both runs with their records so far; a record's process is the number of its pair."""


class _Table(Protocol):
    """Pairs by the candidate's case id."""

    cases: tuple[str, ...]

    def play(self, cases: Sequence[str], times: int) -> None: ...

    def played(self, case: str) -> int: ...

    def sides(self, first: Mapping[str, int]) -> tuple[Side, Side]:
        """Both sides, of each case the pairs from its number in `first` on (else all)."""


class _Live:
    """A player's pairs."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._pairs = {str(pair[1]): pair for pair in player.pairs}
        self.cases = tuple(self._pairs)

    def play(self, cases: Sequence[str], times: int) -> None:
        self._player.play([self._pairs[case] for case in cases], times)

    def played(self, case: str) -> int:
        return self._player.played(self._pairs[case])

    def sides(self, first: Mapping[str, int]) -> tuple[Side, Side]:
        found = []
        for index, run in enumerate(self._player.runs()):
            least = {str(self._pairs[case][index]): number for case, number in first.items()}
            kept = tuple(record for record in run.records if record.process >= least.get(str(record.case), 0))
            found.append(side_of_run(Loaded(replace(run, records=kept))))
        return found[0], found[1]


class _Recorded:
    """The pairs that a duet left, shown one after another as they were measured."""

    def __init__(self, base: Side, candidate: Side) -> None:
        self._sides = base, candidate
        self.cases = tuple(candidate.cases)
        self._shown = dict.fromkeys(self.cases, 0)

    def play(self, cases: Sequence[str], times: int) -> None:
        for case in cases:
            self._shown[case] += times

    def played(self, case: str) -> int:
        return self._shown[case]

    def sides(self, first: Mapping[str, int]) -> tuple[Side, Side]:
        base, candidate = self._sides
        ends = {case: (first.get(case, 0), self._shown[case]) for case in self.cases}
        theirs = {candidate.aliases.get(case, case): span for case, span in ends.items()}
        return _within(base, theirs), _within(candidate, ends)


def _within(side: Side, spans: Mapping[str, tuple[int, int]]) -> Side:
    cases = {name: _pairs_within(one, *spans[name]) if name in spans else one for name, one in side.cases.items()}
    return replace(side, cases=cases)


def _pairs_within(one: Observed, first: int, end: int) -> Observed:
    values = {metric: {number: value for number, value in found.items() if first <= number < end} for metric, found in one.values.items()}
    return replace(one, values={metric: found for metric, found in values.items() if found})


def judged(player: Player, plan: LookPlan, policy: Policy, say: Say) -> Comparison:
    """Measure by the plan until every case is settled, confirm the flags, and return the verdicts. `say` gets the progress."""
    say(plan.sentence())
    found = _decided(_Live(player), plan, policy, say)
    return replace(found, notes=(*found.notes, f"{player.processes} processes in {time.monotonic() - player.began_s:.0f} s"))


def replayed(base: Side, candidate: Side, policy: Policy) -> Comparison | None:
    """What the duet decided, from the pairs that it left; None where these are no sides of one duet, or it states no plan."""
    plan = LookPlan.of(candidate.plan) if base.duet and base.duet == candidate.duet else None
    if plan is None:
        return None
    return _decided(_Recorded(base, candidate), plan, duet_policy(candidate.plan, policy), lambda _: None)


def stated(plan: LookPlan, policy: Policy) -> dict[str, object]:
    """Plan and policy as a duet's runs state them."""
    overrides = [{"min_effect": one.min_effect, "metric": one.metric, "case": one.case} for one in policy.overrides]
    return {
        "plan": plan.sentence(),
        "stages": list(plan.stages),
        "alpha": plan.alpha,
        "min_effect": policy.min_effect,
        "metrics": list(policy.metrics),
        "overrides": overrides,
    }


def duet_policy(plan: Mapping[str, Any], policy: Policy) -> Policy:
    """The policy with what the duet's runs state; unchanged where they state it wrongly."""
    try:
        overrides = tuple(Override(float(one["min_effect"]), str(one["metric"]), str(one["case"])) for one in plan["overrides"])
        effect, alpha = float(plan["min_effect"]), float(plan["alpha"])
        return replace(policy, alpha=alpha, min_effect=effect, metrics=tuple(plan["metrics"]), overrides=overrides)
    except (KeyError, TypeError, ValueError, UsageError):
        return policy


def _decided(table: _Table, plan: LookPlan, policy: Policy, say: Say) -> Comparison:
    verdicts = _settled(table, plan, policy, say)
    flags = {key: one for key, one in verdicts.items() if one.verdict != "equivalent"}
    if flags:
        verdicts |= _confirmed(table, plan, policy, flags, say)
    sides = table.sides({})
    whole, shown = compared(*sides, policy), _detectable(hypotheses_of(*sides, policy), plan)
    rows = [verdicts.get((row.case, row.metric)) or _undecided(row) for row in whole.findings]
    rows = [replace(row, detectable=shown[row.case, row.metric]) if (row.case, row.metric) in shown else row for row in rows]
    return replace(whole, findings=gravest_first(rows), notes=(*whole.notes, plan.sentence()))


def _detectable(hypotheses: Sequence[Hypothesis], plan: LookPlan) -> dict[Key, float | None]:
    """The change of each figure that a duet by this plan flags and confirms nine times of ten, as its pairs spread; None where none is."""
    found = {}
    for one in hypotheses:
        change = smallest_change(one.sample.spread, one.sample.counts[0], plan, len(hypotheses), one.effect)
        found[one.finding.case, one.finding.metric] = change if math.isfinite(change) else None
    return found


def _settled(table: _Table, plan: LookPlan, policy: Policy, say: Say) -> dict[Key, Finding]:
    """The interim analyses: flags and equivalence. A case whose every metric is settled plays no more."""
    open_, verdicts = list(table.cases), dict[Key, Finding]()
    played = family = 0
    for look, stage in enumerate(plan.stages):
        table.play(open_, stage - played)
        played, going = stage, len(open_)
        hypotheses = [one for one in hypotheses_of(*table.sides({}), policy) if one.finding.case in open_]
        family = family or len(hypotheses)
        for key, one in decided(hypotheses, plan.level(look), family, plan.alpha).items():
            if key not in verdicts:
                verdicts[key] = replace(one, reason=one.reason or f"decided after {stage} pairs")
        left = {one.finding.case for one in hypotheses if (one.finding.case, one.finding.metric) not in verdicts}
        open_ = [case for case in open_ if case in left]
        say(f"after {stage} pairs: {going - len(open_)} of {going} cases settled")
        if not open_:
            break
    return verdicts


def _confirmed(table: _Table, plan: LookPlan, policy: Policy, flags: Mapping[Key, Finding], say: Say) -> dict[Key, Finding]:
    """The flags, each tested on pairs that had no part in raising any."""
    first = {case: table.played(case) for case, _ in flags}
    for case in first:
        own = [flag for (name, _), flag in flags.items() if name == case]
        count = plan.fresh(max(min(flag.processes) for flag in own), len(flags))
        say(f"{case} is flagged {own[0].verdict}: confirming on {count} fresh pairs")
        table.play([case], count)
    fresh: dict[Key, Hypothesis] = {}
    for one in hypotheses_of(*table.sides(first), policy):
        key = one.finding.case, one.finding.metric
        if key in flags:
            fresh[key] = one
    return confirmed(flags, fresh, plan.alpha)


def _undecided(row: Finding) -> Finding:
    """What no interim analysis settled is inconclusive, whatever all pairs together would say: the plan's level is used up."""
    if row.p_worse is None or row.verdict == "inconclusive":
        return row
    return replace(row, verdict="inconclusive", failing=False, reason=row.reason or "undecided after the last interim analysis")
