"""What a choice came to, in sentences: what to take, what that rests on, how sure it is, and what it leaves open."""

from collections.abc import Mapping, Sequence

from rnnbench import units
from rnnbench.analysis.pairing import beyond_seeds
from rnnbench.analysis.seed_tests import FEWEST_SEEDS
from rnnbench.choosing.goals import Goal
from rnnbench.choosing.ranking import ALPHA, NEAR, Candidate, Duel
from rnnbench.choosing.stages import Chosen
from rnnbench.choosing.state import State
from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_OK, EXIT_REGRESSION
from rnnbench.gate.requirements import MET, MISSED, Requirement
from rnnbench.record import METRICS, Run
from rnnbench.reports import words
from rnnbench.reports.answer import Answer, Row
from rnnbench.reports.requirements import cell, figures


def answer(goal: Goal, chosen: Chosen, state: State, requirements: Sequence[Requirement], command: str) -> Answer:
    """The whole answer of a choice whose stages are done."""
    teller = _Teller(goal, chosen, state, requirements)
    return Answer(
        id=state.id,
        goal=goal.name,
        question=goal.question,
        take=teller.take(),
        rests_on=tuple(teller.rests_on()),
        sure=tuple(teller.sure()),
        not_covered=tuple(teller.not_covered()),
        rows=tuple(teller.rows()),
        label=goal.label,
        unit_metric=goal.figures[0],
        command=command,
        machine=_machine(chosen.runs[0]),
        runs=tuple(run.id for run in chosen.runs),
        exit_code=teller.exit_code(),
    )


def _machine(run: Run) -> str:
    cpu = run.machine.get("cpu") or {}
    gpus = run.machine.get("gpus") or []
    device = run.arguments.get("device", "cpu")
    if device != "cpu" and gpus:
        return str(gpus[0].get("name", device))
    cores = cpu.get("usable") or cpu.get("cores")
    counted = f", {words.count(int(cores), 'core')}" if cores else ""
    return f"{cpu.get('model', 'an unknown CPU')}{counted}"


class _Teller:
    """The parts of one answer."""

    def __init__(self, goal: Goal, chosen: Chosen, state: State, requirements: Sequence[Requirement]) -> None:
        self.goal, self.state, self.requirements = goal, state, requirements
        self.ranked, self.names, self.runs = list(chosen.ranked), chosen.names, chosen.runs
        self.measured = [one for one in self.ranked if one.span is not None]
        self.met = [one for one in self.measured if one.outcome == MET]
        self.duels = {one.second: one for one in state.duels}
        self.limits = words.joined([one.text for one in requirements])

    @property
    def best(self) -> Candidate | None:
        """The first that meets all limits; where none does, the nearest."""
        return next(iter(self.met or self.measured), None)

    def exit_code(self) -> int:
        """0: something meets the limits. 3: every candidate misses one. 4: it cannot be told."""
        if self.met:
            return EXIT_OK
        missed = bool(self.measured) and all(one.outcome == MISSED and not one.contended for one in self.measured)
        return EXIT_REGRESSION if missed and len(self.measured) == len(self.ranked) else EXIT_INCONCLUSIVE

    def take(self) -> str:
        """The decision in one sentence."""
        best = self.best
        if best is None:
            return "No candidate could be measured, so there is nothing to recommend."
        name, figure = self.names[best.id], self._figure(best)
        if not self.met:
            verb = "meets" if self.exit_code() == EXIT_REGRESSION else "is shown to meet"
            return f"None of {words.count(len(self.ranked), 'candidate')} {verb} {self.limits}. The nearest is {name}: {figure}."
        ties = self._tied(best)
        equal = [self.names[one.id] for one in ties if self._duel_of(best, one) == "equivalent"]
        open_ = [self.names[one.id] for one in ties if self.names[one.id] not in equal]
        either = f"; {words.joined(equal)} would do as well" if equal else ""
        either += f"; not told apart from {words.joined(open_)}" if open_ else ""
        meets = f", which meets {self.limits}" if self.limits else ""
        return f"Take {name}: {figure}{meets}{either}."

    def _figure(self, one: Candidate) -> str:
        assert one.span is not None
        value = _shown(self.goal, one.span.value)
        if not one.span.bounded or one.span.low == one.span.high:
            return f"{self.goal.label} {value}"
        return f"{self.goal.label} {value} ({_spread(self.goal, one.span.low, one.span.high)})"

    def _tied(self, best: Candidate) -> list[Candidate]:
        """Finalists that the final could not tell from the best, or that it did not compare with it."""
        if not (self.goal.learns or self.goal.duel):
            return []
        others = [one for one in self.met if one is not best and one.id in self.state.finalists]
        if self.goal.learns:
            return [one for one in others if self._seeds_tell(best, one) != 1]
        return [one for one in others if self._duel_of(best, one) not in ("improved", "regressed")]

    def _duel_of(self, best: Candidate, other: Candidate) -> str:
        for one in self.state.duels:
            if {one.first, one.second} == {best.id, other.id}:
                return one.verdict
        return ""

    def _seeds_tell(self, best: Candidate, other: Candidate) -> int | None:
        """1: best errs less beyond seed variation. None where one of them is no finalist, or they cannot be compared."""
        fresh = min(len(best.errors), len(other.errors)) >= FEWEST_SEEDS
        return beyond_seeds(best.errors, other.errors) if fresh and best.steps == other.steps else None

    def rests_on(self) -> list[str]:
        """The stages, with counts and runs."""
        goal, look = self.goal, self.runs[0]
        count = words.count(len(self.ranked), "candidate")
        each = "one seed each" if goal.learns else "a fresh process each"
        told = [f"A quick look at {count} of the suite {goal.suite}, {each} (run {look.id})."]
        if goal.learns and self.state.final:
            steps = sorted({int(step) for one in self.measured[:2] for step in one.steps})
            told.append(
                f"Fresh seeds of the finalists, {' or '.join(map(str, steps))} training steps each (run {self.state.final})."
                " Errors are of the test split, at the weights that were best on the validation split."
            )
        if self.state.duels:
            pairs = sum(one.pairs for one in self.state.duels)
            duels, of = words.count(len(self.state.duels), "duel"), words.count(pairs, "pair")
            told.append(f"{duels} of finalists, {of} of fresh processes measured in turn.")
        if not goal.duel and not goal.learns:
            told.append("Bytes are counted tensor by tensor, so no repetition is needed.")
        return told

    def sure(self) -> list[str]:
        """How sure each step of the ranking is."""
        told = [self._duel_sentence(one) for one in self.state.duels]
        best = self.best
        if best is None:
            return ["Nothing was measured."]
        if self.goal.learns:
            told += self._seed_sentences(best)
        elif not self.goal.duel:
            told.append("The ranking is exact for these sizes.")
        elif not self.state.duels:
            why = self._lead(best)
            if self.state.skipped:
                why = "there was no time left for a duel: raise --max-time"
            elif best.id not in self.state.finalists:
                why = "no candidate was measured again, as all miss the limits"
            told.append(f"{self.names[best.id]} leads by one process; {why}.")
        if (busy := sum(one.contended for one in self.measured)) and not self.goal.learns and self.goal.duel:
            told.append(
                f"Other processes disturbed {busy} of {words.count(len(self.measured), 'candidate')}, which lengthens times, above all"
                " tails: repeat with --wait-quiet 600."
            )
        rest = [one for one in self.measured if one.id not in (*self.state.finalists, best.id)]
        if rest and not self.goal.learns and self.goal.duel:
            were = "was" if len(rest) == 1 else "were"
            told.append(f"{words.count(len(rest), 'other candidate')} {were} measured in one process: only large differences are certain.")
        if self.requirements and best.outcome == MET:
            told.append(f"The limit is met by the whole interval: {figures(best.judged, self.requirements)}.")
        return told

    def _lead(self, best: Candidate) -> str:
        """How far the next candidate is behind."""
        behind = [one.span.value for one in self.measured if one.span and one is not best]
        if not behind or best.span is None or best.span.value <= 0:
            return "no other candidate was measured"
        behind_by = units.factor(min(behind) / best.span.value, 2)
        return f"the next has {behind_by} its figure, too far behind to need a duel (which begins below {NEAR:g}×)"

    def _duel_sentence(self, one: Duel) -> str:
        first, second = self.names.get(one.first, one.first), self.names.get(one.second, one.second)
        label = self.goal.label
        if one.verdict in ("improved", "regressed") and one.ratio:
            win, lose, ratio = (second, first, 1 / one.ratio) if one.verdict == "improved" else (first, second, one.ratio)
            ends = sorted((1 / one.low, 1 / one.high) if one.verdict == "improved" else (one.low, one.high)) if one.low and one.high else []
            interval = f", {_level(one)} {units.factors(ends[0], ends[1])}" if ends else ""
            return (
                f"{win} beats {lose}: {lose} has {units.factor(ratio)} the {label}{interval}, confirmed on {words.count(one.pairs, 'pair')}"
                f" of processes measured in turn. Of duels between equal networks at most {units.percent(ALPHA)} end like this."
            )
        if one.verdict == "equivalent":
            return f"{first} and {second} are equal to within {units.percent(one.min_effect)} in {words.count(one.pairs, 'pair')}."
        interval = f" ({second} ÷ {first}: {_level(one)} {units.factors(one.low, one.high)})" if one.low and one.high else ""
        return (
            f"{first} and {second} could not be told apart in {words.count(one.pairs, 'pair')}{interval}:"
            " take either, or raise --max-time on a quiet machine."
        )

    def _seed_sentences(self, best: Candidate) -> list[str]:
        told = []
        for other in self.measured:
            if other is best or other.id not in self.state.finalists:
                continue
            names, seeds = (self.names[best.id], self.names[other.id]), min(len(best.errors), len(other.errors))
            told.append(self._between(names, self._seeds_tell(best, other), seeds, alike=best.steps == other.steps))
        if not told:
            told.append(f"{self.names[best.id]} leads by one seed, and no other candidate came within {NEAR:g}× of its error.")
        tied = [one for one in (best, *self._tied(best)) if one.training_s is not None]
        if len(tied) > 1:
            quick = min(tied, key=lambda one: one.training_s or 0.0)
            told.append(f"Of those that tie, {self.names[quick.id]} trained fastest: {units.duration(quick.training_s or 0.0)} per seed.")
        trivial = _trivial(self.runs, best)
        if trivial is not None and best.errors:
            word = "better" if max(best.errors) < trivial else "not surely better"
            told.append(
                f"It is {word} than the trivial predictor, whose test error is {_shown(self.goal, trivial)}"
                f" (its own: {_spread(self.goal, min(best.errors), max(best.errors))} over {words.count(len(best.errors), 'seed')})."
            )
        return told

    def _between(self, names: tuple[str, str], verdict: int | None, seeds: int, *, alike: bool) -> str:
        best, other = names
        if not alike:
            return f"{best} and {other} were trained for different numbers of steps, as --max-time cut trainings short: raise it."
        if verdict is None:
            return f"{best} leads {other}, by too few seeds to exclude seed variation: raise --max-time."
        if verdict > 0:
            return f"{best} errs less than {other} beyond seed variation ({seeds} fresh seeds each, rank-sum permutation test)."
        return f"{best} and {other} could not be told apart beyond seed variation ({seeds} fresh seeds each, rank-sum permutation test)."

    def not_covered(self) -> list[str]:
        """What the answer does not speak of: candidates that were left out, then the goal's own list."""
        told = []
        reasons: dict[str, list[str]] = {}
        for name, why in self.state.left_out.items():
            reasons.setdefault(why, []).append(self.names.get(name, name))
        for why, cases in reasons.items():
            more = f" and {len(cases) - 3} more" if len(cases) > 3 else ""
            told.append(f"Left out: {', '.join(cases[:3])}{more} ({why}).")
        failed = [one for one in self.ranked if one.span is None]
        if failed:
            whys = dict.fromkeys(one.judged.subject.absent or one.judged.subject.status for one in failed)
            named = ", ".join(self.names[one.id] for one in failed[:4])
            told.append(f"Not measured: {named}{f' and {len(failed) - 4} more' if len(failed) > 4 else ''} ({'; '.join(list(whys)[:2])}).")
        return [*told, *self.goal.open]

    def rows(self) -> list[Row]:
        """Every candidate, best first; where limits decide, the first row is what is taken."""
        best = self.best
        order = ([best] if best else []) + [one for one in self.ranked if one is not best]
        return [self._row(rank, one) for rank, one in enumerate(order, 1)]

    def _row(self, rank: int, one: Candidate) -> Row:
        span, subject = one.span, one.judged.subject
        duel = self.duels.get(one.id)
        told = {"improved": "won", "regressed": "lost"}.get(duel.verdict, duel.verdict) if duel else ""
        leader = {each.first for each in self.state.duels}
        return Row(
            rank=rank,
            name=self.names[one.id],
            case=one.id,
            low=span.low if span and span.bounded else None,
            value=span.value if span else None,
            high=span.high if span and span.bounded else None,
            text=self._figure(one).removeprefix(f"{self.goal.label} ") if span else "",
            requirement=cell(one.judged, self.requirements) if self.requirements else "",
            duel=told or ("leader of the look" if one.id in leader else ""),
            note=(subject.absent or subject.status) if subject.status != "ok" else "",
        )


def _trivial(runs: Sequence[Run], best: Candidate) -> float | None:
    """The trivial predictor's test error, in the terms of `test_error`."""
    for run in runs:
        for record in run.records:
            held: Mapping[str, float] = record.metrics
            if record.case.variant == best.case.variant and {"trivial_quality", "test_quality", "test_error"} <= set(held):
                share = abs(1 - held["test_quality"] - held["test_error"]) < 1e-9
                return 1 - held["trivial_quality"] if share else held["trivial_quality"]
    return None


def _level(one: Duel) -> str:
    """What the duel's interval is: `90 % CI`."""
    return f"{units.percent(round(one.coverage, 3))} CI" if one.coverage else "interval"


def _shown(goal: Goal, value: float) -> str:
    name = goal.figures[0]
    return units.percent(value) if goal.share else units.digits(value) if goal.learns else units.show(name, value)


def _spread(goal: Goal, low: float, high: float) -> str:
    if goal.learns:
        return f"{_shown(goal, low)} to {_shown(goal, high)}" if low < high else _shown(goal, low)
    if high == float("inf"):
        return f"at least {units.show(goal.figures[0], low)}"
    return units.spread(METRICS[goal.figures[0]].name, max(low, 0.0), high)
