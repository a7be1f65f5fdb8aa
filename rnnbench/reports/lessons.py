"""The answer of a suite of trainings, in sentences: who learns a task best, who soonest, and who diverged."""

from collections.abc import Iterator, Sequence
from math import isinf

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.convergence import Trained
from rnnbench.analysis.sweep import Sweep
from rnnbench.record import Run
from rnnbench.reports.answer import Sentence
from rnnbench.reports.curves import by_task, names_of
from rnnbench.reports.saying import say

Named = Sequence[tuple[str, Trained]]


def lessons(sweep: Sweep, runs: Sequence[Run]) -> list[Sentence]:
    """A sentence or two for each task; none where nothing of the suite was trained."""
    found: list[Sentence] = []
    for number, (task, groups) in enumerate(by_task(sweep, runs).items()):
        named = list(zip(names_of(groups), groups, strict=True))
        found += [Sentence(one, f"{sweep.key}-quality-{number}") for one in _of_task(task, named)]
    return found


def _of_task(task: str, named: Named) -> Iterator[Markup]:
    judged = [(name, group, error) for name, group in named if (error := group.median("test_error")) is not None]
    if len(judged) == 1:
        yield say("On <b>{}</b>, {} has a test quality of <b>{}</b>{}.", task, judged[0][0], _quality(judged[0][1]), _reached(judged[0][1]))
    elif judged:
        name, group, error = min(judged, key=lambda one: one[2])
        last, worst, _ = max(judged, key=lambda one: one[2])
        told = say("On <b>{}</b>, <b>{}</b> has the best test quality, <b>{}</b>{}", task, name, _quality(group), _reached(group))
        yield told + say("; {} the worst, {}.", last, _quality(worst))
        if not _apart(group, [one for _, one, _ in judged if one is not group]):
            told = say("Its seeds and those of others overlap on {}: more seeds would have to tell.", task)
            yield say("<i>{}</i>", told)
    times = [
        (name, found) for name, group in named if (found := group.to_target("time_to_target_s", "training_s")) and not isinf(found.value)
    ]
    if len(times) > 1:
        name, soonest = min(times, key=lambda one: one[1].value)
        seconds = units.show("time_to_target_s", soonest.value)
        yield say("<b>{}</b> reaches the target of {} soonest: <b>{}</b> of training at the median of its seeds.", name, task, seconds)
    for name, group in named:
        if group.diverged:
            yield say("<b>{}</b> of {} trainings of {} on {} diverged.", group.diverged, len(group.records), name, task)


def _quality(group: Trained) -> str:
    return units.show("test_quality", group.median("test_quality"))


def _reached(group: Trained) -> str:
    found = group.to_target("steps_to_target", "training_steps")
    return f" (median of {found.tried} seeds; {found.reached} reached the target)" if found else ""


def _apart(best: Trained, others: Sequence[Trained]) -> bool:
    """Is every seed of the best better than every seed of the others?"""
    return max(best.values("test_error")) < min(min(one.values("test_error")) for one in others)
