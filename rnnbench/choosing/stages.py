"""The stages of a choice: predict, look at every candidate, decide between the finalists. Each is bounded by the time that is left."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from rnnbench.analysis.seed_tests import FEWEST_SEEDS
from rnnbench.case import Case
from rnnbench.choosing.duels import duel, duel_plan
from rnnbench.choosing.goals import Goal
from rnnbench.choosing.ranking import Candidate, after_duels, candidate_of, candidates, finalists, names
from rnnbench.choosing.state import State
from rnnbench.errors import UsageError
from rnnbench.files import read_run
from rnnbench.gate.requirements import Requirement
from rnnbench.record import Record, Run, Trial
from rnnbench.reports import words
from rnnbench.runs.conduct import Watcher, conduct
from rnnbench.runs.planning import FACTOR, forecast
from rnnbench.runs.prepare import Prepared, prepared
from rnnbench.runs.request import Request

LOOK_SHARE = 0.5  # of the time, where finalists are decided in turn afterwards
WORKLOAD = ("batch_size", "seq_len", "input_size", "task", "phase")
"""What a choice has one value of: figures at different ones are answers to different questions."""
FRESH_SEEDS = tuple(range(1, FEWEST_SEEDS + 1))
Bar = Callable[[Prepared], AbstractContextManager[Watcher]]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the stages left: the candidates best first, names by case id, and the runs that hold their records."""

    ranked: Sequence[Candidate]
    names: Mapping[str, str]
    runs: Sequence[Run]


class Stages:
    """Carries out a choice. `request` is for the candidates, its budget included; `state` is kept on disk."""

    def __init__(
        self, goal: Goal, request: Request, requirements: Sequence[Requirement], state: State, max_time_s: float, bar: Bar, say: Say
    ) -> None:
        self.goal, self.request, self.requirements, self.state = goal, request, requirements, state
        self._end_s = time.monotonic() + max_time_s
        self._bar, self._say = bar, say

    def left_s(self) -> float:
        """Seconds until --max-time is up."""
        return self._end_s - time.monotonic()

    def carry_out(self) -> Chosen:
        """Every stage that is not done. Raises KeyboardInterrupt; what is done is on disk."""
        state, goal = self.state, self.goal
        if "predict" not in state.done:
            self._predict()
        if "look" not in state.done:
            self._look()
        runs = [self._read(state.look)]
        ranked = candidates(_records(runs), goal, self.requirements)
        if not state.finalists:
            state.finalists = [one.id for one in finalists(ranked)]
        planned = [Case.from_dict(one["case"]) for one in runs[0].planned]
        named = names(list(dict.fromkeys([candidate_of(case, goal) for case in planned] + [one.case for one in ranked])))
        best = [next(one for one in ranked if one.id == name) for name in state.finalists]
        if "final" not in state.done and len(best) > 1:
            (self._seeds if goal.learns else self._duels)(best, named)
        later = (*([state.final] if state.final else []), *(name for one in state.duels for name in one.runs))
        runs.extend(self._read(name) for name in later)
        return Chosen(self._ranked(runs), named, runs)

    def _ranked(self, runs: Sequence[Run]) -> list[Candidate]:
        """Everything measured, pooled; finalists of a training by their fresh seeds alone, which had no part in choosing them."""
        records = _records(runs)
        if self.goal.learns and self.state.final:
            fresh = {candidate_of(one.case, self.goal) for one in runs[1].records if one.status == "ok"}
            records = [one for one in records if one.case.seed or candidate_of(one.case, self.goal) not in fresh]
            own = candidates(records, self.goal, self.requirements)
            return [*(one for one in own if one.case in fresh), *(one for one in own if one.case not in fresh)]
        return after_duels(candidates(records, self.goal, self.requirements), self.state.duels)

    def _predict(self) -> None:
        """Leave out what does not fit in memory, or not even in the time at the optimistic end of the prediction."""
        if not self.goal.learns:
            self._say("predicting memory and time of every candidate")
            look_s = self.left_s() * LOOK_SHARE
            for row in forecast(self.request, None).rows:
                if row.fits is False and "unsupported" not in row.figures:  # what is unsupported says so in the look
                    self.state.left_out[str(row.case)] = row.why_not
                elif row.step_s is not None and row.step_s / FACTOR * self.goal.min_rounds > look_s:
                    self.state.left_out[str(row.case)] = f"a step is predicted to take {row.step_s:.3g} s, too long for --max-time"
        self.state.end("predict")

    def _look(self) -> None:
        """One process (of trainings: one seed) for every candidate."""
        decided = self.goal.learns or self.goal.duel
        limit_s = max(1.0, self.left_s() * (LOOK_SHARE if decided else 1.0))
        resumed = bool(self.state.look)
        request = replace(self.request, max_time_s=limit_s)
        if resumed:
            request = replace(request, resume=self.state.look, suites=(), sets=(), select="", device=None)
        with prepared(request) as whole:
            ready = whole
            if not resumed:
                _check_workload([case for case, _ in ready.plan.tasks])
                kept = [task for task in ready.plan.tasks if str(task.case) not in self.state.left_out]
                if not kept:
                    raise UsageError(f"no candidate is left: {'; '.join(dict.fromkeys(self.state.left_out.values()))}")
                ready = _only(ready, kept)
                self._say(f"quick look at {words.count(len(kept), 'candidate')}, at most {limit_s:.0f} s")
            self.state.look = ready.run.id
            self.state.write()
            self._conduct(ready)
        self.state.end("look")

    def _conduct(self, ready: Prepared) -> None:
        with self._bar(ready) as watcher:
            finished = conduct(ready, watcher)
        for trial in finished.left_out:
            self.state.left_out.setdefault(str(trial.case), "--max-time was up")
        if finished.run.interrupted:
            raise KeyboardInterrupt

    def _duels(self, best: Sequence[Candidate], named: Mapping[str, str]) -> None:
        """The leader against each other finalist, pairs of processes in turn."""
        leader, *others = best
        done = {one.second for one in self.state.duels}
        open_ = [one for one in others if one.id not in done]
        if not self.goal.duel:
            self.state.end("final")
            return
        for count, other in enumerate(open_):
            share_s = self.left_s() / (len(open_) - count)
            plan = duel_plan(share_s, self.goal)
            if plan is None:
                self.state.skipped = "time"
                break
            self._say(f"duel of {named[leader.id]} and {named[other.id]}, at most {share_s:.0f} s")
            found = duel(self.request, self.goal, leader.case, other.case, plan, time.monotonic() + share_s, self._say)
            self.state.duels.append(found)
            self.state.write()
        self.state.end("final")

    def _seeds(self, best: Sequence[Candidate], named: Mapping[str, str]) -> None:
        """Fresh seeds of each finalist, which had no part in choosing them."""
        took_s = max(record.metrics.get("training_s", 0.0) for record in self._read(self.state.look).records)
        while len(best) > 1 and self.left_s() < FEWEST_SEEDS * len(best) * took_s * 1.3:
            best = best[:-1]
        if len(best) < 2:
            self.state.skipped = "time"
            self.state.end("final")
            return
        sets = (*(text for text in self.request.sets if not text.startswith("seed=")), f"seed={','.join(map(str, FRESH_SEEDS))}")
        request = replace(self.request, sets=sets, max_time_s=max(1.0, self.left_s()))
        if self.state.final:
            request = replace(request, resume=self.state.final, suites=(), sets=(), select="", device=None)
        wanted = {one.case for one in best}
        self._say(f"{len(FRESH_SEEDS)} fresh seeds of {words.joined([named[one.id] for one in best])}")
        with prepared(request) as whole:
            ready = whole
            if not self.state.final:
                ready = _only(ready, [task for task in ready.plan.tasks if candidate_of(task.case, self.goal) in wanted])
            self.state.final = ready.run.id
            self.state.write()
            self._conduct(ready)
        self.state.end("final")

    def _read(self, name: str) -> Run:
        run, _ = read_run(self.request.results / name)
        return run


def _records(runs: Sequence[Run]) -> list[Record]:
    """Of two records in one process slot of a run, the later counts."""
    return [record for run in runs for record in run.latest]


def _only(ready: Prepared, tasks: Sequence[Trial]) -> Prepared:
    """A prepared run of these tasks alone."""
    kept = tuple(task for task in ready.plan.tasks if task in tasks)
    planned = tuple({"case": task.case.as_dict(), "process": task.process} for task in kept)
    return replace(ready, plan=replace(ready.plan, tasks=kept), run=replace(ready.run, planned=planned))


def _check_workload(cases: Sequence[Case]) -> None:
    """Raise UsageError where candidates do not do the same work."""
    for name in WORKLOAD:
        values = list(dict.fromkeys(getattr(case, name) for case in cases))
        if len(values) > 1:
            told = ", ".join(map(str, values))
            raise UsageError(f"candidates differ in {name} ({told}); choose compares them at one: --set {name}={values[-1]}")
