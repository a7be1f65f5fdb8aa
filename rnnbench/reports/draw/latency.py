"""Latencies as an interval plot: the median as a dot, p95 as a tick, a line as far as p99."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import LogLocator, NullLocator

from rnnbench import units
from rnnbench.reports.draw.panels import TICK, Panel, cut, lying
from rnnbench.reports.draw.svg import drawing, to_svg

LOG_FROM = 20  # ratio of the longest to the shortest latency from which on the axis is logarithmic


@dataclass(frozen=True, slots=True)
class Latency:
    """One row: its name, median, p95 and p99 in seconds (None where too few steps were timed), and its colour."""

    name: str
    median: float
    p95: float | None
    p99: float | None
    ink: str


def latency_chart(rows: Sequence[Latency], title: str, ident: str) -> Panel:
    """One row per case, in the order given."""
    longest = max(one.p99 or one.p95 or one.median for one in rows)
    by, unit = units.axis_scale("step_time_s", longest)
    log = longest > LOG_FROM * min(one.median for one in rows)
    with drawing(5.6, 0.9 + 0.25 * len(rows)) as figure:
        axes = figure.subplots()
        for place, one in enumerate(rows):
            tail = [time / by for time in (one.p95, one.p99) if time is not None]
            if tail:
                axes.hlines([place], one.median / by, tail[-1], color=one.ink, linewidth=1.8, alpha=0.7)
                axes.plot(tail, [place] * len(tail), linestyle="", marker="|", markersize=9, markeredgewidth=1.6, color=one.ink)
            axes.plot([one.median / by], [place], marker="o", markersize=6, color=one.ink)
        lying(axes, f"latency [{unit}]: dot median, ticks p95 and p99")
        if log:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(TICK)
        else:
            axes.set_xlim(left=0)
        axes.set_yticks(range(len(rows)), [cut(one.name, 40) for one in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        each = [f"{one.name} {', '.join(units.show('step_time_s', time) for time in (one.median, one.p95, one.p99))}" for one in rows]
        description = f"Median, p95 and p99 of the {title}: {'; '.join(each)}."
        return Panel(title, to_svg(figure, ident, description), description)
