"""Several processes in a report: efficiency against one process and the share of communication, in sentences, a table and pictures."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.efficiency import Shared, shared
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import words
from rnnbench.reports.glance import Cell, Table
from rnnbench.reports.palette import MUTED, slots
from rnnbench.reports.panels import SIZE, TICK, Panel, colour, cut
from rnnbench.reports.saying import say
from rnnbench.reports.svg import drawing, to_svg

MOST_LINES = 8
MOST_ROWS = 24
HEADS = ("", "throughput ÷ that of one", "efficiency", "communication", "step time")
NOTE = (
    "Communication is what a step takes longer than the same step without it, run in turn; waiting for a slower process is part of it."
    " Small figures: as far as the medians' own 95 % intervals reach."
)


def sharing_sentences(sweep: Sweep) -> Iterator[Markup]:
    """The most processes of each way of scaling, at the baseline of all else where that was measured."""
    lines = {line[-1].scaling: line for _, line in reversed(_lines(sweep))}  # of each way the first line stays
    for best in (line[-1] for _, line in sorted(lines.items())):
        talk = "" if best.communication is None else f"; {units.percent(max(0.0, best.communication))} of a step is communication"
        ends = say(" <i>({})</i>", _spread(best)) if best.low is not None else ""
        yield say(
            "<b>{}</b> train {} at <b>{}</b> the tokens per second of one under {} scaling: an efficiency of <b>{}</b>{}{}.",
            words.value("processes", best.processes), best.row["variant"], units.factor(best.speedup),
            best.scaling, units.percent(best.efficiency), ends, talk,
        )  # fmt: skip


def efficiency_tables(sweep: Sweep) -> Iterator[tuple[str, Table]]:
    """Every case of several processes that has a case of one to be held against."""
    rows = [_row(sweep, one) for one in shared(sweep.cases)]
    if rows:
        yield f"{sweep.key}-efficiency-table", Table("Several processes against one", HEADS, rows[:MOST_ROWS], NOTE)


def efficiency_panels(sweep: Sweep, ident: str) -> Iterator[Panel]:
    """Efficiency and the share of communication against the number of processes."""
    lines = _lines(sweep)[:MOST_LINES]
    if not lines:
        return
    yield _panel("efficiency", lines, lambda one: one.efficiency, f"{ident}-share", level=1.0)
    if any(one.communication is not None for _, line in lines for one in line):
        yield _panel("share of communication", lines, lambda one: one.communication, f"{ident}-talk", level=0.0)


def _lines(sweep: Sweep) -> list[tuple[str, list[Shared]]]:
    """Cases alike in all but the number of processes, fewest first; those at the baseline of every axis in front."""
    named = sorted(((_name(sweep, one), one) for one in shared(sweep.cases)), key=lambda pair: (len(_odd(sweep, pair[1])), pair[0]))
    found = [(name, [one for _, one in group]) for name, group in groupby(named, key=lambda pair: pair[0])]
    return [(name, sorted(line, key=lambda one: one.processes)) for name, line in found]


def _name(sweep: Sweep, one: Shared) -> str:
    """How it scales, and in what it lies off the baseline."""
    return words.values({"scaling": one.scaling, **{axis: one.row[axis] for axis in _odd(sweep, one)}})


def _odd(sweep: Sweep, one: Shared) -> list[str]:
    """The axes in which a case lies off the baseline."""
    free = [axis for axis in sweep.varying if axis not in ("processes", "scaling")]
    return [axis for axis in free if words.value(axis, one.row[axis]) != words.value(axis, sweep.baseline(axis))]


def _row(sweep: Sweep, one: Shared) -> Sequence[Cell]:
    name = f"{words.value('processes', one.processes)}, {_name(sweep, one)}"
    talk = one.row["communication_s"]
    return (
        Cell(name),
        Cell(units.factor(one.speedup)),
        Cell(units.percent(one.efficiency), _spread(one)),
        Cell(units.NONE) if one.communication is None else Cell(units.percent(one.communication), units.show("communication_s", talk)),
        Cell(units.show("step_time_s", one.row["step_time_s"])),
    )


def _spread(one: Shared) -> str:
    return "" if one.low is None or one.high is None else f"{units.digits(one.low * 100)}–{units.percent(one.high)}"


def _panel(
    title: str, lines: Sequence[tuple[str, list[Shared]]], figure_of: Callable[[Shared], float | None], ident: str, *, level: float
) -> Panel:
    places, said = slots([name for name, _ in lines]), []
    with drawing(*SIZE) as figure:
        axes = figure.subplots()
        axes.axhline(level * 100, color=MUTED, linewidth=1)
        for name, line in lines:
            points = {1: level} | {one.processes: value for one in line if (value := figure_of(one)) is not None}
            if len(points) < 2:
                continue
            ink = colour(places[name])
            axes.plot(list(points), [value * 100 for value in points.values()], marker="o", markersize=4, linewidth=1.2, color=ink)
            for one in line:
                if level and one.low is not None and one.high is not None:
                    axes.vlines([one.processes], [one.low * 100], [one.high * 100], color=ink, linewidth=2.2, alpha=0.55)
            said.append(f"{name}: {', '.join(f'{units.percent(value)} on {at}' for at, value in points.items() if at > 1)}")
        counts = sorted({1, *(one.processes for _, line in lines for one in line)})
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.set_xlabel("processes")
        axes.set_ylabel(f"{title} [%]")
        axes.yaxis.set_major_formatter(TICK)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        says = f"{title} against the number of processes. {'; '.join(said)}."
        legend = [(cut(name), places[name]) for name, _ in lines]
        return Panel(title, to_svg(figure, ident, says, legend), says, legend)
