"""Candidates from records, ranked: by limits first, then by the goal's figure; which of them reach the final; who wins it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rnnbench.case import AXES, Case
from rnnbench.choosing.goals import Goal
from rnnbench.gate.requirements import MET, MISSED, UNDECIDED, UNKNOWN, Judged, Requirement, judge_groups
from rnnbench.gate.spans import Span
from rnnbench.record import Record
from rnnbench.reports import words

ALPHA = 0.05  # of a duel
NEAR = 1.5  # times the leader's figure: what is within may turn out to be better, and is measured again
MOST_FINALISTS = 3
_ORDER = (MET, UNDECIDED, UNKNOWN, MISSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One case (of trainings: all seeds of it) with what was measured of it. `span` is of the figure that ranks, None without one."""

    case: Case
    judged: Judged
    span: Span | None
    errors: tuple[float, ...] = ()
    training_s: float | None = None
    contended: bool = False
    steps: frozenset[float] = frozenset()

    @property
    def id(self) -> str:
        """Its case's id; of trainings the first seed's."""
        return str(self.case)

    @property
    def outcome(self) -> str:
        """What the limits came to; UNKNOWN where it was not measured."""
        return self.judged.outcome if self.judged.subject.status == "ok" else UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """Two finalists measured in turn. `verdict` is of `second` against `first`: improved is a win of `second`. `ratio` is second ÷ first;
    `low` to `high` holds the true one in a share `coverage` of duels. `pairs` are the pairs of processes that decided."""

    first: str
    second: str
    verdict: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    coverage: float | None = None
    pairs: int = 0
    min_effect: float = 0.0
    reason: str = ""
    runs: tuple[str, ...] = ()


def candidate_of(case: Case, goal: Goal) -> Case:
    """What a case is a measurement of: a training's seed is no property of the candidate."""
    return replace(case, seed=0) if goal.learns else case


def candidates(records: Iterable[Record], goal: Goal, requirements: Sequence[Requirement]) -> list[Candidate]:
    """Every candidate that left a record, best first. Processes of several runs of one case count alike."""
    groups: dict[Case, list[Record]] = {}
    for record in records:
        held = groups.setdefault(candidate_of(record.case, goal), [])
        held.append(replace(record, process=len(held)))
    judged = judge_groups(groups.values(), requirements)
    found = [_candidate(case, held, one, goal) for (case, held), one in zip(groups.items(), judged, strict=True)]
    return sorted(found, key=_place)


def _candidate(case: Case, records: Sequence[Record], judged: Judged, goal: Goal) -> Candidate:
    spans = judged.subject.spans
    known = [spans[name] for name in goal.figures if name in spans]
    whole = len(known) == len(goal.figures) and judged.subject.status == "ok"
    span = _sum(known) if whole else None
    fine = [record for record in records if record.status == "ok"]
    errors = tuple(record.metrics["test_error"] for record in fine if "test_error" in record.metrics) if goal.learns else ()
    if errors:
        span = Span(median(errors), min(errors), max(errors), bounded=len(errors) > 1)
    steps = frozenset(record.metrics["training_steps"] for record in fine if "training_steps" in record.metrics)
    times = [record.metrics["training_s"] for record in fine if "training_s" in record.metrics]
    return Candidate(
        case=case,
        judged=judged,
        span=span,
        errors=errors,
        training_s=median(times) if times else None,
        contended=any(note.startswith("contended") for record in fine for note in record.notes),
        steps=steps,
    )


def _sum(spans: Sequence[Span]) -> Span:
    value, low, high = (sum(getattr(one, end) for one in spans) for end in ("value", "low", "high"))
    return Span(value, low, high, all(one.bounded for one in spans), min(one.coverage for one in spans))


def _place(one: Candidate) -> tuple[bool, int, float]:
    return one.span is None, _ORDER.index(one.outcome), one.span.value if one.span else 0.0


def finalists(ranked: Sequence[Candidate]) -> list[Candidate]:
    """The leader and those near it that may meet the limits too; what other processes disturbed may have missed them for that."""
    alive = [one for one in ranked if one.span is not None and (one.outcome != MISSED or one.contended)]
    if not alive or alive[0].span is None:
        return []
    best = alive[0].span.value
    return [one for one in alive if one.span is not None and one.span.value <= best * NEAR][:MOST_FINALISTS]


def after_duels(ranked: Sequence[Candidate], duels: Sequence[Duel]) -> list[Candidate]:
    """The same, with finalists that beat the leader before it, the one with the largest gain first, as far as they meet the limits."""
    won = {one.second: one.ratio or 1.0 for one in duels if one.verdict == "improved"}
    met = {one.id for one in ranked if one.outcome in (MET, UNDECIDED)}
    winners = sorted((one for one in ranked if one.id in won and one.id in met), key=lambda one: won[one.id])
    return [*winners, *(one for one in ranked if one not in winners)]


def names(cases: Sequence[Case]) -> dict[str, str]:
    """A short name for each case by id: its variant and what else tells the candidates apart."""
    by_variant: dict[str, list[Case]] = {}
    for case in cases:
        by_variant.setdefault(case.variant, []).append(case)
    free = [
        name
        for name in AXES
        if name not in ("variant", "seed") and any(len({getattr(case, name) for case in held}) > 1 for held in by_variant.values())
    ]
    return {str(case): words.values({name: getattr(case, name) for name in ("variant", *free)}) for case in cases}
