"""Tables of trainings: what each kind reached and costs, by task, and how much of a teacher's quality its students took over."""

from collections.abc import Callable, Sequence
from functools import partial

from rnnbench import units
from rnnbench.analysis.convergence import Gap, Middle, Trained, how_taught, worth_it
from rnnbench.case import TAUGHT
from rnnbench.reports import words
from rnnbench.reports.draw.learning_curves import COSTS
from rnnbench.reports.draw.palette import slots
from rnnbench.reports.table import Cell, Table

HEADS = ("", "steps to target", "time to target", "reached", "test quality", "answer time", "one step", "weights", "Pareto front")
NOTE = (
    "Medians over seeds. A training that missed its target counts as longer than its budget, one that diverged as endless. On the Pareto"
    " front: no other is as low in test error, answer time and weights, and lower in one of them."
)
NOTE_ON_GAPS = (
    "Median test errors after equal training steps, each student at the learning rate that was best on the validation split. The gap is"
    " that between the student alone and the one teacher that taught, of the first seed."
)
NEVER = "not reached"


def group_names(groups: Sequence[Trained]) -> list[str]:
    """Each group by the axes in which it differs from the others."""
    differ = [name for name, _ in groups[0].axes if len({group.axis(name) for group in groups}) > 1]
    distilled = "distilled" in differ
    plain = [name for name in differ if name not in TAUGHT] if distilled else differ or ["variant"]
    named = [[words.value(name, group.axis(name)) for name in plain] for group in groups]
    ways = [[f"distilled ({how})" if (how := how_taught(group)) else "alone"] if distilled else [] for group in groups]
    return [", ".join([*name, *way]) for name, way in zip(named, ways, strict=True)]


def quality_table(task: str, groups: Sequence[Trained], *, noted: bool) -> Table:
    """Steps and time to the target, test quality and costs of each group; the soonest first."""
    costs = [[one.median(name) for name in COSTS] for one in groups]
    known = {number: [one or 0.0 for one in row] for number, row in enumerate(costs) if None not in row}
    front = {number for number, on in zip(known, worth_it(list(known.values())), strict=True) if on}
    names = group_names(groups)
    places = slots(names)
    rows = [(_order(group), _row(name, places[name], group, number in front)) for number, (name, group) in
            enumerate(zip(names, groups, strict=True))]  # fmt: skip
    rows.sort(key=lambda pair: pair[0])
    return Table(f"Learning {task}: target, quality and cost", HEADS, [row for _, row in rows], NOTE if noted else "")


def _order(group: Trained) -> tuple[float, float]:
    """Soonest at the target first; of those that missed it, the lowest test error first."""
    time = group.to_target("time_to_target_s", "training_s")
    error = group.median("test_error")
    return time.value if time else float("inf"), float("inf") if error is None else error


def _row(name: str, place: int, group: Trained, on_front: bool) -> list[Cell]:
    steps, time = group.to_target("steps_to_target", "training_steps"), group.to_target("time_to_target_s", "training_s")
    return [
        Cell(name, slot=place),
        _middle("training_steps", steps),
        _middle("training_s", time),
        Cell(f"{steps.reached} of {steps.tried}" if steps else units.NONE, f"{group.diverged} diverged" if group.diverged else ""),
        *(Cell(units.show(metric, group.median(metric))) for metric in ("test_quality", "answer_s", "one_step_s", "parameter_bytes")),
        Cell("yes" if on_front else "no"),
    ]


def _middle(metric: str, found: Middle | None) -> Cell:
    """The median, and beside it the ends of its interval with what they cover."""
    if found is None:
        return Cell(units.NONE)
    shown = partial(_shown, metric)
    if shown(found.low) == shown(found.high) == NEVER:
        return Cell(NEVER)
    return Cell(shown(found.value), over_seeds(found, shown))


def over_seeds(found: Middle, show: Callable[[float], str]) -> str:
    """The interval and what it covers; of one seed, that it is one: its own value on both sides covers nothing."""
    if found.tried < 2:
        return "one seed: no interval"
    return f"{show(found.low)} to {show(found.high)}, {found.coverage:.0%} CI over {found.tried} seeds"


def _shown(metric: str, value: float) -> str:
    return NEVER if value == float("inf") else units.show(metric, value)


def gap_table(found: Sequence[Gap]) -> Table:
    """One row for each task and way of distilling."""
    heads = ("", "distilled by", "teacher's error", "student alone", "student distilled", "gap closed")
    rows = []
    for one in found:
        students = [Cell(units.percent(group.median("test_error") or 0.0), _tuned(group, one.tried)) for group in (one.alone, one.taught)]
        closed = one.closed
        ends = over_seeds(closed, "{:.0%}".format) if closed else ""
        share = Cell(f"{closed.value:.0%}" if closed else units.NONE, ends)
        rows.append([Cell(one.task), Cell(one.how), Cell(units.percent(one.teacher)), *students, share])
    return Table("What distillation gained", heads, rows, NOTE_ON_GAPS)


def _tuned(group: Trained, tried: int) -> str:
    """The learning rate, where several were tried."""
    return f"learning rate {group.axis('lr'):g}, the best of {tried}" if tried > 1 else ""
