"""A duel of two finalists: the duet's machinery, on one case of each, until it is decided or the time is up."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from rnnbench.analysis.frames import Loaded
from rnnbench.axis import written
from rnnbench.case import AXES, Case
from rnnbench.choosing.goals import Goal, axis_of
from rnnbench.choosing.ranking import ALPHA, Duel
from rnnbench.gate.duet import Pair, Player, judged, stated
from rnnbench.gate.findings import compared
from rnnbench.gate.policy import Policy
from rnnbench.gate.side import side_of_run
from rnnbench.gate.statistics.sequential import STAGES, LookPlan
from rnnbench.gate.verdict import Comparison, Finding
from rnnbench.record import Run
from rnnbench.runs.contender import contender
from rnnbench.runs.duet import duet as begun
from rnnbench.runs.plan import PROCESS_COST_S, WARMUP_SHARE
from rnnbench.runs.request import Request

EFFECTS = {"step_time_s": 0.02}
TAIL_EFFECT = 0.05  # of a tail, which varies more from process to process
PAIR_BUDGET_S = 0.3
Say = Callable[[str], None]


class OutOfTime(Exception):
    """The time of a duel is up."""


class Bounded:
    """A player that stops at a deadline."""

    def __init__(self, player: Player, end_s: float) -> None:
        self._player, self._end_s = player, end_s
        self.pairs, self.began_s = player.pairs, player.began_s

    @property
    def processes(self) -> int:
        """How many have run, on both sides."""
        return self._player.processes

    def play(self, pairs: Sequence[Pair], times: int) -> None:
        """One pair after another, as long as there is time."""
        for _ in range(times):
            if time.monotonic() > self._end_s:
                raise OutOfTime
            self._player.play(pairs, 1)

    def played(self, pair: Pair) -> int:
        """How many times it was measured."""
        return self._player.played(pair)

    def runs(self) -> tuple[Run, Run]:
        """Both runs with their records so far."""
        return self._player.runs()


def duel_plan(share_s: float, goal: Goal) -> LookPlan | None:
    """As many interim analyses as the time allows with the pairs that confirm a flag; None where there is no time for a decision."""
    pair_s = 2 * (PROCESS_COST_S + PAIR_BUDGET_S * (1 + WARMUP_SHARE)) * (2 if goal.min_rounds > len(STAGES) else 1)
    plans = [LookPlan(STAGES[:count], ALPHA) for count in range(1, len(STAGES) + 1)]
    fitting = [plan for plan in plans if (plan.stages[-1] + plan.fresh(plan.stages[-1])) * pair_s <= share_s]
    return fitting[-1] if fitting else None


def duel(request: Request, goal: Goal, first: Case, second: Case, plan: LookPlan, end_s: float, say: Say) -> Duel:
    """Measure both in turn. Raises KeyboardInterrupt."""
    effect = EFFECTS.get(goal.duel, TAIL_EFFECT)
    policy = Policy(min_effect=effect, alpha=ALPHA, metrics=(goal.duel,))
    differ = [name for name in AXES if name != "hyper" and getattr(first, name) != getattr(second, name)]
    sets_a, sets_b = (tuple(f"{name}={written(getattr(case, name))}" for name in differ) for case in (first, second))
    alike = tuple(f"{axis_of(text)}={written(getattr(first, axis_of(text)))}" for text in request.sets if axis_of(text) in AXES)
    pinned = {axis_of(text) for text in alike}
    also = tuple(f"{name}={written(getattr(first, name))}" for name in ("precision", "depth") if name not in (*differ, *pinned))
    budget = {**request.budget, "max_time_s": min(PAIR_BUDGET_S, request.budget.get("max_time_s") or PAIR_BUDGET_S)}
    asked = replace(request, sets=(*alike, *also), max_time_s=None, budget=budget)
    with (
        contender("A", sets=sets_a) as a,
        contender("B", sets=sets_b) as b,
        begun(asked, a, b, stated(plan, policy), say) as playing,
    ):
        playing.keep_only(str(second))
        bounded = Bounded(playing, end_s)
        try:
            found = judged(bounded, plan, policy, lambda _: None)
        except OutOfTime:
            found = _undecided(bounded, policy)
        except KeyboardInterrupt:
            playing.finish(interrupted=True)
            raise
        runs = tuple(path.name for path in playing.finish(interrupted=False))
    return _duel(first, second, found, goal, effect, runs)


def _undecided(playing: Player, policy: Policy) -> Comparison:
    base, candidate = (side_of_run(Loaded(run)) for run in playing.runs())
    found = compared(base, candidate, policy)
    rows = [replace(one, verdict="inconclusive", reason="the time was up before a decision") for one in found.findings]
    return replace(found, findings=rows)


def _duel(first: Case, second: Case, found: Comparison, goal: Goal, effect: float, runs: tuple[str, ...]) -> Duel:
    one = next((row for row in found.findings if row.metric == goal.duel), None) or next(iter(found.findings), None)
    row = one or Finding(case=str(second), verdict="inconclusive", reason="nothing was measured")
    return Duel(
        first=str(first),
        second=str(second),
        verdict=row.verdict,
        ratio=row.ratio,
        low=row.low,
        high=row.high,
        coverage=row.coverage,
        pairs=min(row.processes),
        min_effect=effect,
        reason=row.reason,
        runs=runs,
    )
