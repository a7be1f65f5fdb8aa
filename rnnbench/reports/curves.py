"""Trainings in a report: loss and quality against time with bands over seeds, and a table of what quality costs."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes

from rnnbench import units
from rnnbench.analysis.convergence import Gap, Middle, Trained, band, gaps, how_taught, trained, worth_it
from rnnbench.analysis.sweep import Sweep
from rnnbench.case import TAUGHT
from rnnbench.record import Run
from rnnbench.reports import words
from rnnbench.reports.figures import Group
from rnnbench.reports.glance import Cell, Table
from rnnbench.reports.palette import slots
from rnnbench.reports.panels import SIZE, TICK, Panel, colour, cut
from rnnbench.reports.svg import drawing, to_svg

MOST_LINES = 8
HEADS = ("", "steps to target", "time to target", "reached", "test quality", "answer time", "one step", "weights", "worth its cost")
FRONT = "Worth its cost: none of the same task is as low in test error, answer time and weights, and lower in one of them."
NOTE_ON_GAPS = (
    "Median test errors at equal training steps, each student at the learning rate that was best on the validation split;"
    " the gap is from the student alone to the one teacher that taught, of the first seed."
)
COSTS = ("answer_s", "test_error", "parameter_bytes")
NOTE_ON_CURVES = (
    "Lines and points are medians over seeds; bands and bars reach from the lowest to the highest. The larger a point, the more memory its"
    " weights take; filled points are worth their cost."
)
NEVER = "not reached"
CENSORED = "Medians over seeds; a training that missed its target counts as longer than it was given, and one that diverged as endless."


def curve_groups(sweep: Sweep, runs: Sequence[Run]) -> Iterator[Group]:
    """Loss and quality against the seconds of training, a pair of panels for each task."""
    for number, (task, groups) in enumerate(by_task(sweep, runs).items()):
        names = names_of(groups)
        shown = [(name, one) for name, one in zip(names, groups, strict=True) if any(record.curve for record in one.records)]
        found = [_panel(task, shown[:MOST_LINES], what, f"{sweep.key}-{what}-{number}") for what in ("loss", "quality")]
        found.append(_cost_panel(task, shown[:MOST_LINES], f"{sweep.key}-cost-{number}"))
        panels = [panel for panel in found if panel]
        if panels:
            left = len(shown) - MOST_LINES
            more = f" {left} more are left out." if left > 0 else ""
            yield Group(
                _anchor(sweep, number),
                f"Learning {task}",
                panels,
                (NOTE_ON_CURVES if number == 0 else "") + more,
                _legend(shown[:MOST_LINES]),
            )


def _anchor(sweep: Sweep, number: int) -> str:
    """Of a task's curves, with its table below them."""
    return f"{sweep.key}-quality-{number}"


def quality_tables(sweep: Sweep, runs: Sequence[Run]) -> Iterator[tuple[str, Table, bool]]:
    """What each kind of training reached and costs, by task, and whether that has curves to stand below."""
    for number, (task, groups) in enumerate(by_task(sweep, runs).items()):
        drawn = any(record.curve for group in groups for record in group.records)
        yield _anchor(sweep, number), _table(task, groups, f"{CENSORED} {FRONT}" if number == 0 else ""), drawn


def gap_tables(sweep: Sweep, runs: Sequence[Run]) -> Iterator[tuple[str, Table]]:
    """How much of a teacher's quality its students took over."""
    if found := gaps([group for groups in by_task(sweep, runs).values() for group in groups]):
        yield f"{sweep.key}-gaps", _gap_table(found)


def by_task(sweep: Sweep, runs: Sequence[Run]) -> dict[str, list[Trained]]:
    """A suite's trainings, by what was learned."""
    found: dict[str, list[Trained]] = {}
    for group in trained(runs):
        if group.axis("suite") == sweep.name:
            found.setdefault(str(group.axis("task")), []).append(group)
    return found


def names_of(groups: Sequence[Trained]) -> list[str]:
    """Each group by what tells it from the others."""
    differ = [name for name, _ in groups[0].axes if len({group.axis(name) for group in groups}) > 1]
    taught = "distilled" in differ
    plain = [name for name in differ if name not in TAUGHT] if taught else differ or ["variant"]
    named = [[words.value(name, group.axis(name)) for name in plain] for group in groups]
    ways = [[f"taught by {how}" if (how := how_taught(group)) else "alone"] if taught else [] for group in groups]
    return [", ".join([*name, *way]) for name, way in zip(named, ways, strict=True)]


def _legend(shown: Sequence[tuple[str, Trained]]) -> list[tuple[str, int]]:
    return list(slots([name for name, _ in shown]).items())


def _panel(task: str, shown: Sequence[tuple[str, Trained]], what: str, ident: str) -> Panel | None:
    places, said = slots([name for name, _ in shown]), []
    with drawing(*SIZE) as figure:
        axes: Axes = figure.subplots()
        for name, group in shown:
            line = band([record.curve for record in group.records], what)
            if line is None:
                continue
            ink = colour(places[name])
            axes.fill_between(line.at, line.low, line.high, color=ink, alpha=0.15, linewidth=0)
            axes.plot(line.at, line.middle, color=ink, linewidth=1.6, label=cut(name))
            said.append(f"{name} from {units.digits(line.middle[0])} to {units.digits(line.middle[-1])}")
        if not said:
            return None
        axes.set_xlabel("training time [s]")
        axes.set_ylabel(f"training {what}" if what == "loss" else "validation quality")
        axes.xaxis.set_major_formatter(TICK)
        axes.yaxis.set_major_formatter(TICK)
        says = f"{what} of {task} against seconds of training: {'; '.join(said)}."
        return Panel(what, to_svg(figure, ident, says), says)


def _cost_panel(task: str, shown: Sequence[tuple[str, Trained]], ident: str) -> Panel | None:
    """Test error against the time of an answer, larger where the weights take more memory; the Pareto front joined."""
    places = slots([name for name, _ in shown])
    known = [(name, group) for name, group in shown if all(group.values(metric) for metric in COSTS)]
    if len(known) < 2:
        return None
    costs, errors, sizes = ([group.median(metric) or 0.0 for _, group in known] for metric in COSTS)
    on_front = worth_it(list(zip(costs, errors, sizes, strict=True)))
    most = max(sizes) or 1.0
    with drawing(*SIZE) as figure:
        axes: Axes = figure.subplots()
        for (name, group), cost, error, size, on in zip(known, costs, errors, sizes, on_front, strict=True):
            ink, seen = colour(places[name]), group.values("test_error")
            axes.vlines(1e3 * cost, min(seen), max(seen), color=ink, linewidth=1, alpha=0.6)
            axes.scatter([1e3 * cost], [error], s=30 + 170 * size / most, facecolor=ink if on else "none", edgecolor=ink, zorder=2)
        axes.set_xlabel("time of an answer [ms]")
        axes.set_ylabel("test error")
        axes.margins(0.15)
        axes.xaxis.set_major_formatter(TICK)
        axes.yaxis.set_major_formatter(TICK)
        each = [
            f"{name} errs {units.digits(error)} in {units.show('answer_s', cost)} with {units.show('parameter_bytes', size)}"
            for (name, _), cost, error, size in zip(known, costs, errors, sizes, strict=True)
        ]
        best = ", ".join(name for (name, _), on in zip(known, on_front, strict=True) if on)
        says = f"test error of {task} against the time of an answer: {'; '.join(each)}. Worth their cost: {best}."
        return Panel("quality against cost", to_svg(figure, ident, says), says)


def _table(task: str, groups: Sequence[Trained], note: str) -> Table:
    costs = [[one.median(name) for name in COSTS] for one in groups]
    known = {number: [one or 0.0 for one in row] for number, row in enumerate(costs) if None not in row}
    best = {number for number, on in zip(known, worth_it(list(known.values())), strict=True) if on}
    names, rows = names_of(groups), []
    places = slots(names)
    for number, (name, group) in enumerate(zip(names, groups, strict=True)):
        steps, time = group.to_target("steps_to_target", "training_steps"), group.to_target("time_to_target_s", "training_s")
        ended = f"{group.diverged} diverged" if group.diverged else ""
        times = [_middle("training_steps", steps), _middle("training_s", time)]
        plain = [Cell(units.show(metric, group.median(metric))) for metric in ("test_quality", "answer_s", "one_step_s", "parameter_bytes")]
        reached = Cell(f"{steps.reached} of {steps.tried}" if steps else units.NONE, ended)
        marked = Cell("yes" if number in best else "no")
        rows.append([Cell(name, slot=places[name]), *times, reached, *plain, marked])
    return Table(f"What learning {task} took", HEADS, rows, note)


def _middle(metric: str, found: Middle | None) -> Cell:
    """The median, and beside it the ends of its interval with what they cover."""
    if found is None:
        return Cell(units.NONE)
    low, high = _shown(metric, found.low), _shown(metric, found.high)
    if low == high == NEVER:
        return Cell(NEVER)
    return Cell(_shown(metric, found.value), f"{low} to {high}, {found.coverage:.0%} CI")


def _shown(metric: str, value: float) -> str:
    return NEVER if value == float("inf") else units.show(metric, value)


def _gap_table(found: Sequence[Gap]) -> Table:
    heads = ("", "taught by", "teacher's error", "student alone", "student taught", "gap closed")
    rows = []
    for one in found:
        students = [Cell(units.percent(group.median("test_error") or 0.0), _tuned(group, one.tried)) for group in (one.alone, one.taught)]
        closed = one.closed
        ends = f"{closed.low:.0%} to {closed.high:.0%}, {closed.coverage:.0%} CI over {closed.tried} seeds" if closed else ""
        share = Cell(f"{closed.value:.0%}" if closed else units.NONE, ends)
        rows.append([Cell(one.task), Cell(one.how), Cell(units.percent(one.teacher)), *students, share])
    return Table("What students were taught", heads, rows, NOTE_ON_GAPS)


def _tuned(group: Trained, tried: int) -> str:
    """The learning rate, where several were tried."""
    return f"learning rate {group.axis('lr'):g}, the best of {tried}" if tried > 1 else ""
