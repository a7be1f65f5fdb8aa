"""A metric against a swept number: measured points with their intervals, the fit through them, a cross where a case failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator

from rnnbench import units
from rnnbench.analysis.growth import Growth, growth
from rnnbench.analysis.sweep import Sweep
from rnnbench.record import METRICS
from rnnbench.reports import words
from rnnbench.reports.draw.palette import MARKERS, MUTED, PAPER
from rnnbench.reports.draw.panels import SIZE, TICK, Panel, colour, cut, ends, label_axes, levelled, line_name, slot
from rnnbench.reports.draw.svg import drawing, to_svg

LOG_FROM, LOG_Y_FROM = 4, 30
MOST_TICKS = 7
_GAP = 0.068
_DASHES = ("solid", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 1.5, 1, 1.5)))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the figure: its cases, its fit, and its look."""

    name: str
    rows: pd.DataFrame
    found: Growth | None
    slot: int
    style: int

    def description(self, x: str, metric: str) -> str:
        """The line in words."""
        first, last = self.rows[metric].iloc[[0, -1]]
        law = self.found.power if self.found else None
        grows = f", growing as {words.axis(x)} to the power {units.exponent(law.value)}" if law and law.good else ""
        return f"{self.name} from {units.show(metric, first)} to {units.show(metric, last)}{grows}"


def scaling(sweep: Sweep, cases: pd.DataFrame, metric: str, ident: str, size: tuple[float, float] = SIZE) -> Panel | None:
    """The panel; None where no case has the metric."""
    lines = [_line(sweep, which, rows, metric) for which, rows in sweep.lines(cases) if _drawable(rows, metric).any()]
    if not lines:
        return None
    by, unit = units.axis_scale(metric, float(cases[metric].max()))
    xs = sorted(set(cases[sweep.x].astype(float)))
    log_x = xs[0] > 0 and xs[-1] >= LOG_FROM * xs[0]
    log_y = not levelled(metric) and (log_x or cases[metric].max() > LOG_Y_FROM * cases[metric].min())
    with drawing(*size) as figure:
        axes = figure.subplots()
        for line in lines:
            _draw(axes, line, sweep.x, metric, by, log_x)
        for which, rows in sweep.lines(cases):
            _crosses(axes, rows[rows["status"] != "ok"], sweep.x, colour(slot(sweep, which)))
        _scale(axes, metric, xs, log_x, log_y)
        if (cases["status"] != "ok").any():
            _make_room(axes, log_y)
        label_axes(axes, sweep.x, metric, unit)
        if len(lines) > 1:
            _label_ends(axes, [(float(line.rows[metric].iloc[-1]) / by, line.name, colour(line.slot)) for line in lines], log_y)
        label = METRICS[metric].label
        curves = "; ".join(line.description(sweep.x, metric) for line in lines)
        description = f"{label} against {words.axis(sweep.x)}, {units.plain(xs[0])} to {units.plain(xs[-1])}: {curves}."
        return Panel(label, to_svg(figure, ident, description), description)


def _line(sweep: Sweep, which: Mapping[str, Any], rows: pd.DataFrame, metric: str) -> Line:
    falls = levelled(metric) or metric.endswith("_per_s")
    style = sweep.values(sweep.style).index(which[sweep.style]) if sweep.style else 0
    found = None if falls else growth(rows, sweep.x, metric)
    return Line(line_name(sweep, which), rows[_drawable(rows, metric)], found, slot(sweep, which), style)


def _drawable(rows: pd.DataFrame, metric: str) -> "pd.Series[bool]":
    """What has a place in the picture: above 0, but for what is held against a level."""
    return rows[metric].notna() if levelled(metric) else rows[metric] > 0


def _draw(axes: Axes, line: Line, x: str, metric: str, by: float, log_x: bool) -> None:
    """The fit where it may be quoted, else points joined; intervals; points, hollow from the second style on."""
    ink, dash = colour(line.slot), _DASHES[line.style % len(_DASHES)]
    at, height = line.rows[x].astype(float), line.rows[metric] / by
    fit = line.found.best if line.found else None
    if fit is not None:
        curve = (np.geomspace if log_x else np.linspace)(at.min(), at.max(), 60)
        axes.plot(curve, fit.at(curve) / by, color=ink, linewidth=1.4, linestyle=dash)
    else:
        axes.plot(at, height, color=ink, linewidth=1, linestyle=dash, alpha=0.7)
    if (bounds := ends(line.rows, metric)) is not None:
        axes.vlines(at, bounds[0] / by, bounds[1] / by, color=ink, linewidth=2.2, alpha=0.55, zorder=2)
    look: dict[str, Any] = {"marker": MARKERS[line.slot], "s": 34, "edgecolors": ink, "linewidths": 1.3, "zorder": 3}
    axes.scatter(at, height, color=PAPER if line.style else ink, **look)


def _crosses(axes: Axes, failed: pd.DataFrame, x: str, ink: str) -> None:
    """Failed cases, at the top of the panel where they would have stood."""
    top = axes.get_xaxis_transform()
    for at, status in zip(failed[x].astype(float), failed["status"], strict=True):
        axes.plot([at], [0.97], marker="x", color=ink, markersize=7, markeredgewidth=2, transform=top, clip_on=False)
        axes.annotate(status, (at, 0.97), xycoords=top, xytext=(0, -14), textcoords="offset points", ha="center", fontsize=7.5, color=MUTED)


def _scale(axes: Axes, metric: str, xs: Sequence[float], log_x: bool, log_y: bool) -> None:
    """Logarithms where the numbers span enough; ticks at what was measured."""
    if log_x:
        axes.set_xscale("log")
    if log_y:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5) if np.log10(high / low) < 2.5 else (1,)))
    else:
        if (reference := METRICS[metric].reference) is not None:
            axes.axhline(reference, color=MUTED, linewidth=1, zorder=1)
        else:
            axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_locator(FixedLocator(_ticks(xs, log_x)))
    axes.xaxis.set_major_formatter(TICK)


def _ticks(xs: Sequence[float], log_x: bool) -> list[float]:
    """Of what was measured, as much as can be labelled without touching."""
    places = np.log(xs) if log_x else np.asarray(xs)
    apart, found = (places[-1] - places[0]) / (MOST_TICKS + 0.5), [0]
    for index in range(1, len(xs)):
        if places[index] - places[found[-1]] >= apart:
            found.append(index)
    return [xs[index] for index in found]


def _make_room(axes: Axes, log_y: bool) -> None:
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.16 if log_y else high + 0.16 * (high - low))


def _label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]], log_y: bool) -> None:
    """Each line's name at its right end, moved apart where they would touch."""
    low, high = np.log(axes.get_ylim()) if log_y else axes.get_ylim()
    wanted = sorted((((np.log(y) if log_y else y) - low) / (high - low), name, ink) for y, name, ink in labels)
    for height, (_, name, ink) in zip(_apart([place for place, _, _ in wanted]), wanted, strict=True):
        axes.annotate(cut(name, 28), (1.015, height), xycoords="axes fraction", color=ink, fontsize=8.5, va="center", annotation_clip=False)


def _apart(places: Sequence[float]) -> list[float]:
    """Rising heights, none nearer than a line of text to the next and none above the panel."""
    heights = list(places)
    for index in range(1, len(heights)):
        heights[index] = max(heights[index], heights[index - 1] + _GAP)
    limit = 1.0
    for index in reversed(range(len(heights))):
        heights[index] = min(heights[index], limit)
        limit = heights[index] - _GAP
    return heights
