"""One model trained by several processes: speed-up, efficiency and the share of communication, against one process."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from rnnbench import units
from rnnbench.analysis.efficiency import Shared, shared
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import comparatives, words
from rnnbench.reports.draw.efficiency_chart import Curve, efficiency_chart
from rnnbench.reports.draw.panels import Panel
from rnnbench.reports.sentences import markup
from rnnbench.reports.table import Cell, Table
from rnnbench.reports.topics.topic import Block, Sentence, Topic, View, fit_id

MOST_LINES = 8
MOST_ROWS = 40
HEADS = ("", "efficiency", "speed-up", "communication", "step time")
NOTE = (
    "Efficiency is tokens per second ÷ (processes × those of one process). Communication is the time that a step takes beyond the same step"
    " without it, timed alternately; it includes waiting for a slower process."
    " Ranges combine the 95 % confidence intervals of both medians."
)


def sentences(view: View) -> Iterator[Sentence]:
    """The most processes of each way of scaling, at the baseline of all else where that was measured."""
    lines = {line[-1].scaling: line for _, line in reversed(_lines(view.sweep))}  # the first line of each way stays
    for best in (line[-1] for _, line in sorted(lines.items())):
        talk = "" if best.communication is None else f"; communication takes {comparatives.rounded(max(0.0, best.communication))} of a step"
        ends = markup(" <i>({})</i>", _spread(best)) if best.low is not None else ""
        share, speed = units.percent(best.efficiency), comparatives.speed(1 / best.speedup)
        text = markup("Under {} scaling, <b>{}</b> train {} <b>{}</b> than one, in tokens per second: <b>{}</b> efficiency{}{}.",
                   best.scaling, words.value("processes", best.processes), best.row["variant"], speed, share, ends, talk)  # fmt: skip
        yield Sentence(text, f"{view.key}-efficiency", "answer")


def main(view: View) -> Block | None:
    """Efficiency against the number of processes."""
    if not _lines(view.sweep):
        return None
    return Block(f"{view.key}-main", tables=list(_tables(view.sweep)), draw=partial(_panels, view, ("efficiency",)))


def blocks(view: View) -> Iterator[Block]:
    """The share of communication, and what both shares mean."""
    if _lines(view.sweep):
        yield Block(f"{view.key}-efficiency", "Communication", NOTE, draw=partial(_panels, view, ("communication",)))


def _panels(view: View, wanted: Sequence[str]) -> list[Panel]:
    lines = _lines(view.sweep)[:MOST_LINES]
    ident = fit_id(f"{view.key}-efficiency")
    found = []
    if "efficiency" in wanted:
        curves = [Curve(name, [(1, 1.0, None, None), *((one.processes, one.efficiency, one.low, one.high) for one in line)])
                  for name, line in lines]  # fmt: skip
        found.append(efficiency_chart("efficiency", curves, f"{ident}-share", level=1.0))
    known = [(name, [one for one in line if one.communication is not None]) for name, line in lines]
    if "communication" in wanted and any(line for _, line in known):
        curves = [Curve(name, [(1, 0.0, None, None), *((one.processes, one.communication or 0.0, None, None) for one in line)])
                  for name, line in known]  # fmt: skip
        found.append(efficiency_chart("share of communication", curves, f"{ident}-communication", level=0.0))
    return found


def _tables(sweep: Sweep) -> Iterator[tuple[str, Table]]:
    """Every case of several processes that has a case of one to be compared with."""
    rows = [_row(sweep, one) for one in shared(sweep.cases)]
    if rows:
        yield f"{sweep.key}-efficiency-table", Table("Several processes against one", HEADS, rows[:MOST_ROWS], "")


def _lines(sweep: Sweep) -> list[tuple[str, list[Shared]]]:
    """Cases alike in all but the number of processes, fewest first; those at the baseline of every axis in front."""
    named = sorted(((_name(sweep, one), one) for one in shared(sweep.cases)), key=lambda pair: (len(_odd(sweep, pair[1])), pair[0]))
    found = [(name, [one for _, one in group]) for name, group in groupby(named, key=lambda pair: pair[0])]
    return [(name, sorted(line, key=lambda one: one.processes)) for name, line in found]


def _name(sweep: Sweep, one: Shared) -> str:
    """How it scales, and in what it differs from the baseline."""
    return words.values({"scaling": one.scaling, **{axis: one.row[axis] for axis in _odd(sweep, one)}})


def _odd(sweep: Sweep, one: Shared) -> list[str]:
    """The axes in which a case differs from the baseline."""
    free = [axis for axis in sweep.varying if axis not in ("processes", "scaling")]
    return [axis for axis in free if words.value(axis, one.row[axis]) != words.value(axis, sweep.baseline(axis))]


def _row(sweep: Sweep, one: Shared) -> Sequence[Cell]:
    name = f"{words.value('processes', one.processes)}, {_name(sweep, one)}"
    talk = one.row["communication_s"]
    return (
        Cell(name),
        Cell(units.percent(one.efficiency), _spread(one)),
        Cell(units.factor(one.speedup)),
        Cell(units.NONE) if one.communication is None else Cell(units.percent(one.communication), units.show("communication_s", talk)),
        Cell(units.show("step_time_s", one.row["step_time_s"])),
    )


def _spread(one: Shared) -> str:
    return "" if one.low is None or one.high is None else f"{units.digits(one.low * 100)}–{units.percent(one.high)}"


TOPIC = Topic(sentences, blocks, main)
