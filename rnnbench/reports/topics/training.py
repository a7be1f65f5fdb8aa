"""Trainings to a target: who reaches it first, who learns best, what distillation gains, and what quality costs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from math import isinf

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.convergence import Gap, Middle, Trained, equal_budget, gaps
from rnnbench.analysis.fit import in_order
from rnnbench.analysis.pairing import Standing, beyond_seeds, standings
from rnnbench.analysis.seed_tests import FEWEST_SEEDS
from rnnbench.case import AXES
from rnnbench.reports import comparatives, words
from rnnbench.reports.draw.learning_curves import cost_panel, curve_panel
from rnnbench.reports.draw.palette import slots
from rnnbench.reports.draw.panels import Panel
from rnnbench.reports.sentences import markup
from rnnbench.reports.topics.topic import Block, Sentence, Topic, View
from rnnbench.reports.topics.training_tables import gap_table, group_names, over_seeds, quality_table

MOST_STANDINGS = 4
MOST_NAMED = 6
_UNEQUAL = "test quality is not compared, as trainings stopped at their target after different numbers of steps"
MOST_LINES = 8
_NOT_COMPARED = ("task", "seed", "lr", "distilled")  # what is learned, luck, what is tuned; students have their gaps
NOTE_ON_CURVES = (
    "Lines and points are medians over seeds; bands and bars span the lowest to the highest seed. A larger point needs more memory for its"
    " weights; filled points are on the Pareto front."
)


def sentences(view: View) -> Iterator[Sentence]:
    """Of several tasks what holds over all of them first; of one task, that task first."""
    groups = [group for some in view.trainings.values() for group in some]
    found = gaps(groups)
    first = f"{view.key}-quality-0"
    if found:
        yield from (Sentence(one, f"{view.key}-gaps", "answer") for one in _distillation(found))
    else:
        yield from (Sentence(one, first, "answer") for one in _tally(view))
    compared = [] if found else [Sentence(one, first) for one in _standings(view, groups)]
    each = [
        Sentence(one, f"{view.key}-quality-{number}", "answer" if len(view.trainings) == 1 else "finding")
        for number, (task, some) in enumerate(view.trainings.items())
        for one in _of_task(task, some)
    ]
    yield from (*each, *compared) if len(view.trainings) == 1 else (*compared, *each)
    if tuning := _tuning(groups):
        yield Sentence(tuning, first)


def _tuning(groups: Sequence[Trained]) -> Markup | None:
    """Which settings were tuned, and in how many trials; what was not says so too."""
    tuned = [group for group in groups if group.tuning]
    if not groups:
        return None
    if not tuned:
        return markup("<b>Not tuned:</b> every training has its task's own learning rate, schedule and clipping, or the suite's.")
    trials = words.joined(list(dict.fromkeys(group.tuning for group in tuned)))
    left = [group for group in groups if group not in tuned]
    names = words.joined(group_names(left)[:MOST_NAMED]) + (" and others" if len(left) > MOST_NAMED else "")
    text = markup("{} of {} tuned, with {} each", len(tuned), words.count(len(groups), "setting was", "settings were"), trials)
    return text + (markup("; <b>not tuned</b>: {}.", names) if left else markup("."))


def _distillation(found: Sequence[Gap]) -> Iterator[Markup]:
    """What the best way of distilling closed of the gap to the teacher, for each task."""
    for task in dict.fromkeys(gap.task for gap in sorted(found, key=lambda gap: gap.closed is None)):  # answers first
        ways = [gap for gap in found if gap.task == task]
        closed = [(gap, gap.closed) for gap in ways if gap.closed is not None]
        if not closed:
            yield markup("On <b>{}</b> <b>there is no gap to close</b>: the teacher is no better than a student trained alone.", task)
            continue
        best, share = max(closed, key=lambda pair: pair[1].value)
        alone, taught = (units.show("test_error", one.median("test_error")) for one in (best.alone, best.taught))
        ends = over_seeds(share, "{:.0%}".format)
        how = f"{best.how}, the best of {len(ways)} ways" if len(ways) > 1 else best.how
        text = markup("On <b>{}</b>, distillation closes <b>{}</b> of the gap to the teacher <i>({})</i>: the student's error is {} alone"
                   " and {} distilled ({}); the teacher's is {}.", task, f"{share.value:.0%}", ends, alone, taught, how,
                   units.show("test_error", best.teacher))  # fmt: skip
        yield text if share.low > 0 or share.high < 0 else text + " The seeds disagree on whether distillation helps."


def _tally(view: View) -> Iterator[Markup]:
    """Of several tasks: who reaches the target first and who learns best, on how many."""
    if view.sweep.x != "variant" or len(view.trainings) < 2:
        return
    judged = [found for groups in view.trainings.values() if (found := _by_error(groups)) and equal_budget(found)]
    best = Counter(str(found[0].axis("variant")) for found in judged)
    soonest = Counter(str(times[0][0].axis("variant")) for groups in view.trainings.values() if (times := _by_time(groups)))
    sure = sum(len(found) > 1 and _apart(found[0], found[1:]) for found in judged)
    if soonest:
        text = markup("<b>{}</b> reaches the target first on <b>{}</b>{}.", *_leader(soonest, len(view.trainings)), _others(soonest))
        yield text
    else:
        yield markup("No training reached its target.")
    if best:
        few = all(len(one.errors) < FEWEST_SEEDS for found in judged for one in found)
        none = f"fewer than {FEWEST_SEEDS} seeds cannot rule out seed variation" if few else "every lead is within seed variation"
        beyond = f"on {sure} of them the lead exceeds seed variation" if sure else none
        yield markup("<b>{}</b> learns best on <b>{}</b>{}; {}.", *_leader(best, len(judged)), _others(best), beyond)


def _leader(found: Counter[str], tasks: int) -> tuple[str, str]:
    name, wins = found.most_common(1)[0]
    return name, f"{wins} of {words.count(tasks, 'task')}"


def _others(found: Counter[str]) -> str:
    return "".join(f", {name} on {times}" for name, times in found.most_common()[1:])


def _standings(view: View, groups: Sequence[Trained]) -> Iterator[Markup]:
    """Each value of what the suite varies against its baseline, over everything that was learned with both."""
    for axis in dict.fromkeys((view.sweep.x, view.sweep.hue)):
        values = in_order(axis, [group.axis(axis) for group in groups]) if axis in AXES and axis not in _NOT_COMPARED else []
        if len(values) > 1:
            base = view.sweep.baseline(axis) if AXES[axis].kind is str else values[0]
            found = [one for one in standings(groups, axis, base) if len(one.pairs) > 1]  # a single pair is its task's own sentence
            for one in found[:MOST_STANDINGS]:
                yield _standing(axis, one)


def _standing(axis: str, one: Standing) -> Markup:
    where = "task" if one.tasks else "setting"
    quality = _counted(one.qualities, "better on {}", "worse on {}")
    steps = _counted(one.steps, "fewer on {}", "more on {}")
    if one.too_few:
        quality = markup("no verdict, as {} are too few: {} a side are the least", words.count(one.too_few, "seed"), FEWEST_SEEDS)
    else:
        quality = markup("test quality is <b>{}</b>", quality) if quality else markup("{}", _UNEQUAL)
        quality += markup("; steps to the target are {}", steps) if steps else markup("")
    text = markup("<b>{}</b> compared with {} on {}: {}", words.value(axis, one.value), words.value(axis, one.base),
               words.count(len(one.pairs), where), quality)  # fmt: skip
    if sooner := one.sooner:
        middle, low, high, many = sooner
        way = "sooner" if middle < 1 else "later"
        ends = f"median of {many}; {comparatives.speed_range(low, high)}".replace("faster", "sooner").replace("slower", "later")
        text += markup("; it reaches the target <b>{} {}</b>{}", units.factor(1 / middle if middle < 1 else middle), way,
                    markup(" <i>({})</i>", ends) if many > 1 else "")  # fmt: skip
    (mine, tried), (theirs, held) = one.diverged("other"), one.diverged("base")
    text += markup("; {} of {} diverged, against {} of {}", mine, tried, theirs, held) if mine or theirs else markup("")
    return text + "."


def _counted(verdicts: Sequence[int | None], better: str, worse: str) -> str:
    """`better on 2 and within seed variation on 1`; empty where nothing was compared."""
    ways = ((1, better), (-1, worse), (0, "within seed variation on {}"))
    return words.joined([how.format(count) for verdict, how in ways if (count := verdicts.count(verdict))])


def _by_error(groups: Sequence[Trained]) -> list[Trained]:
    """Those that were tested, the lowest median error first."""
    return sorted((one for one in groups if one.values("test_error")), key=lambda one: one.median("test_error") or 0.0)


def _by_time(groups: Sequence[Trained]) -> list[tuple[Trained, float]]:
    """Those that reached the target at the median of their seeds, with their seconds, soonest first."""
    found = [(one, time.value) for one in groups if (time := one.to_target("time_to_target_s", "training_s")) and not isinf(time.value)]
    return sorted(found, key=lambda pair: pair[1])


def _of_task(task: str, groups: Sequence[Trained]) -> Iterator[Markup]:
    """Steps and time to the target, then test quality, then who diverged."""
    name_of = {id(group): name for name, group in zip(group_names(groups), groups, strict=True)}
    times, judged = _by_time(groups), _by_error(groups)
    if times:
        yield _first_to_target(task, name_of, times, len(groups))
    elif judged:
        yield markup("On <b>{}</b> no setting reaches the target at the median of its seeds.", task)
    if judged and equal_budget(judged):
        yield _quality(task, name_of, judged)
    for group in groups:
        if group.diverged:
            yield markup("<b>{}</b> of {} trainings of {} on {} diverged.", group.diverged, len(group.records), name_of[id(group)], task)


def _first_to_target(task: str, name_of: dict[int, str], times: Sequence[tuple[Trained, float]], groups: int) -> Markup:
    soonest, seconds = times[0]
    steps = soonest.to_target("steps_to_target", "training_steps")
    count = units.show("steps_to_target", steps.value) if steps else units.NONE
    text = markup("On <b>{}</b>, <b>{}</b> reaches the target {}in <b>{} steps</b> and <b>{}</b> of training{}", task, name_of[id(soonest)],
               "first, " if groups > 1 else "", count, units.show("time_to_target_s", seconds), _seeds(steps))  # fmt: skip
    if len(times) > 1:
        last, longest = times[-1]
        text += markup("; {} takes {}", name_of[id(last)], units.show("time_to_target_s", longest))
    return text + "."


def _seeds(found: Middle | None) -> str:
    return f" (median of {words.count(found.tried, 'seed')}; {found.reached} of {found.tried} reached it)" if found else ""


def _quality(task: str, name_of: dict[int, str], judged: Sequence[Trained]) -> Markup:
    best, worst = judged[0], judged[-1]
    measure = _measure(judged)
    if len(judged) == 1:
        return markup("On <b>{}</b>, {} has a {} of <b>{}</b>.", task, name_of[id(best)], measure, _show(best))
    clear = _apart(best, judged[1:])
    text = markup("<b>{}</b> has the best {} on {}, <b>{}</b>; {} has the worst, {}", name_of[id(best)], measure, task, _show(best),
               name_of[id(worst)], _show(worst))  # fmt: skip
    return text + ("." if clear else ". The gap is within seed variation: more seeds are needed to rank them.")


def _measure(judged: Sequence[Trained]) -> str:
    """Test quality where that is a share; an error, where the task has no share to give, is called one."""
    alike = all(one.values("test_error") == one.values("test_quality") for one in judged)
    return "test error" if alike else "test quality"


def _show(group: Trained) -> str:
    return units.show("test_quality", group.median("test_quality"))


def _apart(best: Trained, others: Sequence[Trained]) -> bool:
    """Is the best better than each of the others beyond seed variation?"""
    return all(beyond_seeds(best.errors, one.errors) > 0 for one in others)


def main(view: View) -> Block | None:
    """The gaps of distillation, where there are any: the picture is each task's own."""
    found = gaps([group for some in view.trainings.values() for group in some])
    return Block(f"{view.key}-main", tables=[(f"{view.key}-gaps", gap_table(found))] if found else [])


def blocks(view: View) -> Iterator[Block]:
    """For each task: loss and quality against training time, quality against cost, and the table behind them."""
    for number, (task, groups) in enumerate(view.trainings.items()):
        anchor = f"{view.key}-quality-{number}"
        named = list(zip(group_names(groups), groups, strict=True))
        shown = [(name, one) for name, one in named if any(record.curve for record in one.records)]
        left = len(shown) - MOST_LINES
        more = f" {left} more are left out." if left > 0 else ""
        yield Block(
            anchor,
            f"Learning {task}",
            (NOTE_ON_CURVES if number == 0 and shown else "") + more,
            tables=[(f"{anchor}-table", quality_table(task, groups, noted=number == 0))],
            draw=partial(_panels, view.key, task, shown[:MOST_LINES], number) if shown else None,
            legend=list(slots([name for name, _ in shown[:MOST_LINES]]).items()),
        )


def _panels(key: str, task: str, shown: Sequence[tuple[str, Trained]], number: int) -> list[Panel]:
    found = [curve_panel(task, shown, what, f"{key}-{what}-{number}") for what in ("loss", "quality")]
    found.append(cost_panel(task, shown, f"{key}-cost-{number}"))
    return [panel for panel in found if panel]


TOPIC = Topic(sentences, blocks, main, on="trainings")
