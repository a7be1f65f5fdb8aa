"""The answer of a suite of trainings, in sentences: what its axes change over all tasks, then who learns each task best and soonest."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import isinf

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.convergence import Gap, Trained, gaps
from rnnbench.analysis.fit import in_order
from rnnbench.analysis.pairing import Standing, standings
from rnnbench.analysis.sweep import Sweep
from rnnbench.case import AXES
from rnnbench.record import Run
from rnnbench.reports import words
from rnnbench.reports.answer import Sentence
from rnnbench.reports.curves import by_task, names_of
from rnnbench.reports.saying import say

Named = Sequence[tuple[str, Trained]]
MOST_STANDINGS = 4
_NEVER = ("task", "seed", "lr", "distilled")  # what is learned, luck, and what is tuned; students are told by their gaps


def lessons(sweep: Sweep, runs: Sequence[Run]) -> list[Sentence]:
    """First what is true over all tasks, then a sentence or two for each; none where nothing of the suite was trained."""
    tasks = by_task(sweep, runs)
    groups = [group for some in tasks.values() for group in some]
    taught = gaps(groups)
    first = f"{sweep.key}-quality-0"
    found = [Sentence(one, f"{sweep.key}-gaps") for one in _taught(taught)]
    found += [] if taught else [Sentence(one, first) for one in (*_tally(sweep, tasks), *_standings(sweep, groups))]
    for number, (task, some) in enumerate(tasks.items()):
        named = list(zip(names_of(some), some, strict=True))
        found += [Sentence(one, f"{sweep.key}-quality-{number}") for one in _of_task(task, named)]
    return found


def _taught(found: Sequence[Gap]) -> Iterator[Markup]:
    """What the best way of teaching closed of the gap to the teacher, for each task."""
    for task in dict.fromkeys(gap.task for gap in sorted(found, key=lambda gap: gap.closed is None)):  # an answer first
        ways = [gap for gap in found if gap.task == task]
        closed = [(gap, gap.closed) for gap in ways if gap.closed is not None]
        if not closed:
            yield say("On <b>{}</b> the teacher is no better than a student alone: <b>there is no gap to close</b>.", task)
            continue
        best, share = max(closed, key=lambda pair: pair[1].value)
        alone, taught = (units.show("test_error", one.median("test_error")) for one in (best.alone, best.taught))
        ends = f"{share.low:.0%} to {share.high:.0%}, {share.coverage:.0%} CI over {words.count(share.tried, 'seed')}"
        told = say("On <b>{}</b>, teaching closes <b>{}</b> of the gap to the teacher <i>({})</i>", task, f"{share.value:.0%}", ends)
        how = f"{best.how}, the best of {len(ways)} ways" if len(ways) > 1 else best.how
        told += say(": the student errs {} alone and {} taught by {}; its teacher errs {}.", alone, taught, how,
                    units.show("test_error", best.teacher))  # fmt: skip
        yield told if share.low > 0 or share.high < 0 else told + " Its seeds disagree on whether teaching helps."


def _tally(sweep: Sweep, tasks: dict[str, list[Trained]]) -> Iterator[Markup]:
    """Of several tasks: who learned best, and who reached the target soonest, on how many."""
    if sweep.x != "variant" or len(tasks) < 2:
        return
    judged = [found for groups in tasks.values() if (found := _judged(groups))]
    best = Counter(str(found[0].axis("variant")) for found in judged)
    soonest = Counter(str(times[0][0].axis("variant")) for groups in tasks.values() if (times := _soonest(groups)))
    sure = sum(len(found) > 1 and _apart(found[0], found[1:]) for found in judged)
    if best:
        told = say("<b>{}</b> learns best on <b>{}</b> of {}{}", *best.most_common()[0], words.count(len(tasks), "task"), _others(best))
        told += f" (beyond the luck of seeds on {sure} of all)" if sure else " (never beyond the luck of seeds)"
        if soonest:
            told += say("; <b>{}</b> is soonest at the target on <b>{}</b>{}.", *soonest.most_common()[0], _others(soonest))
        yield told if soonest else told + "; none reached its target."


def _others(found: Counter[str]) -> str:
    return "".join(f", {name} on {times}" for name, times in found.most_common()[1:])


def _standings(sweep: Sweep, groups: Sequence[Trained]) -> Iterator[Markup]:
    """Each value of what the suite varies against its baseline, over everything that was learned with both."""
    for axis in dict.fromkeys((sweep.x, sweep.hue)):
        values = in_order(axis, [group.axis(axis) for group in groups]) if axis in AXES and axis not in _NEVER else []
        if len(values) > 1:
            base = sweep.baseline(axis) if AXES[axis].kind is str else values[0]
            for one in standings(groups, axis, base)[:MOST_STANDINGS]:
                yield _standing(axis, one)


def _standing(axis: str, one: Standing) -> Markup:
    where = "task" if one.tasks else "setting"
    verdicts = ((1, "better on {}"), (-1, "worse on {}"), (0, "not to be told apart by its seeds on {}"))
    counts = [how.format(count) for verdict, how in verdicts if (count := one.count(verdict))]
    told = say("<b>{}</b> against {}, {}: <b>{}</b> in test quality", words.value(axis, one.value), words.value(axis, one.base),
               words.count(len(one.pairs), where), words.joined(counts))  # fmt: skip
    if sooner := one.sooner:
        middle, low, high, many = sooner
        ends = f"{units.factors(low, high)} over {many}" if many > 1 else "one"
        told += say("; it takes <b>{}</b> the time to the target <i>({})</i>", units.factor(middle), ends)
    (mine, tried), (theirs, held) = one.diverged("other"), one.diverged("base")
    return told + (say("; {} of {} diverged, {} of {} of the other.", mine, tried, theirs, held) if mine or theirs else say("."))


def _judged(groups: Sequence[Trained]) -> list[Trained]:
    """Those that were tested, the least median error first."""
    return sorted((one for one in groups if one.values("test_error")), key=lambda one: one.median("test_error") or 0.0)


def _soonest(groups: Sequence[Trained]) -> list[tuple[Trained, float]]:
    """Those that reached the target at the median of their seeds, with their seconds, soonest first."""
    found = [(one, time.value) for one in groups if (time := one.to_target("time_to_target_s", "training_s")) and not isinf(time.value)]
    return sorted(found, key=lambda pair: pair[1])


def _of_task(task: str, named: Named) -> Iterator[Markup]:
    name_of = {id(group): name for name, group in named}
    judged, times = _judged([group for _, group in named]), _soonest([group for _, group in named])
    if len(judged) == 1:
        yield say("On <b>{}</b>, {} has a {} of <b>{}</b>{}.", task, name_of[id(judged[0])], _measure(judged), _quality(judged[0]),
                  _reached(judged[0]))  # fmt: skip
    elif judged:
        best, worst = judged[0], judged[-1]
        told = say("On <b>{}</b>, <b>{}</b> has the best {}, <b>{}</b>{}", task, name_of[id(best)], _measure(judged),
                   _quality(best), _reached(best))  # fmt: skip
        told += say("; {} the worst, {}", name_of[id(worst)], _quality(worst))
        doubt = "" if _apart(best, judged[1:]) else ", but seeds overlap: more would have to tell"
        yield told + say("{}.", doubt)
    if len(times) > 1:
        soonest, seconds = times[0]
        spent = units.show("time_to_target_s", seconds)
        yield say(
            "<b>{}</b> reaches the target of {} soonest: <b>{}</b> of training at the median of its seeds.",
            name_of[id(soonest)],
            task,
            spent,
        )
    for name, group in named:
        if group.diverged:
            yield say("<b>{}</b> of {} trainings of {} on {} diverged.", group.diverged, len(group.records), name, task)


def _measure(judged: Sequence[Trained]) -> str:
    """Test quality where that is a share; an error, where the task has no share to give, is called one."""
    alike = all(one.values("test_error") == one.values("test_quality") for one in judged)
    return "test error" if alike else "test quality"


def _quality(group: Trained) -> str:
    return units.show("test_quality", group.median("test_quality"))


def _reached(group: Trained) -> str:
    found = group.to_target("steps_to_target", "training_steps")
    return f" (median of {words.count(found.tried, 'seed')}; {found.reached} reached the target)" if found else ""


def _apart(best: Trained, others: Sequence[Trained]) -> bool:
    """Is every seed of the best better than every seed of the others?"""
    return max(best.values("test_error")) < min(min(one.values("test_error")) for one in others)
