"""Bars for categories, and stacked bars for what a total is made of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rnnbench import units
from rnnbench.analysis.fit import same
from rnnbench.analysis.sweep import Sweep
from rnnbench.record import METRICS
from rnnbench.reports import words
from rnnbench.reports.draw.palette import INK, MUTED, PAPER, slots
from rnnbench.reports.draw.panels import SIZE, Panel, colour, cut, ends, hues, lying, slot
from rnnbench.reports.draw.svg import drawing, to_svg

LINE = 0.21  # inches of a bar, enough for its number
GAP = 0.45  # of a line, between two values of x


def bars(sweep: Sweep, cases: pd.DataFrame, metric: str, ident: str, size: tuple[float, float] = SIZE) -> Panel | None:
    """A metric for each value of a category: bars from zero, one per line so that labels and numbers never meet, intervals as whiskers,
    the status in place of a failed case. The height grows with the number of bars."""
    if cases[metric].notna().sum() == 0:
        return None
    by, unit = units.axis_scale(metric, float(cases[metric].max()))
    places = list(_places(sweep, cases))
    described = []
    with drawing(size[0], 0.75 + LINE * (places[-1].at + 1)) as figure:
        axes = figure.subplots()
        for one in places:
            value = one.row[metric].iloc[0]
            if pd.isna(value):
                status = one.row["status"].iloc[0]
                _write(axes, 0.0, one.at, status if status != "ok" else "not measured", MUTED)
                described.append(f"{one.name} {status}")
            else:
                _bar(axes, one, metric, by)
                described.append(f"{one.name} {units.show(metric, value)}")
        reference = METRICS[metric].reference
        if reference is not None:
            axes.axvline(reference / by, color=MUTED, linewidth=1)
        low, high = axes.get_xlim()
        axes.set_xlim(low, high + 0.14 * (high - low))  # room for the number of the longest bar
        lying(axes, f"{METRICS[metric].label} [{unit}]" if unit else METRICS[metric].label)
        _name_groups(axes, sweep, places)
        label = METRICS[metric].label
        description = f"{label} by {words.axis(sweep.x)}: {'; '.join(described)}."
        legend = tuple(hues(sweep).items()) if sweep.hue else ()
        return Panel(label, to_svg(figure, ident, description, legend), description, legend)


@dataclass(frozen=True, slots=True)
class _Place:
    """One bar: its line, counted from above, the value of x that it belongs to, its name, colour, and its one row."""

    at: float
    x: Any
    name: str
    ink: str
    row: pd.DataFrame


def _places(sweep: Sweep, cases: pd.DataFrame) -> Iterator[_Place]:
    """The bars of each value of x one below the other, a gap between two values."""
    at = 0.0
    for x in sweep.values(sweep.x):
        rows = cases[same(cases[sweep.x], x)]
        for group in sweep.values(sweep.hue) or [None]:
            row = (rows[same(rows[sweep.hue], group)] if sweep.hue else rows).head(1)
            if row.empty:
                continue
            which: dict[str, Any] = {sweep.x: x, **({sweep.hue: group} if sweep.hue else {})}
            name = " ".join(words.short(axis, value) for axis, value in which.items())
            yield _Place(at, x, name, colour(slot(sweep, which)), row)
            at += 1
        at += GAP if sweep.hue else 0


def _name_groups(axes: Axes, sweep: Sweep, places: Sequence[_Place]) -> None:
    """Each value of x beside the middle of its bars."""
    middles = {x: np.mean([one.at for one in places if one.x == x]) for x in dict.fromkeys(one.x for one in places)}
    axes.set_yticks(list(middles.values()), [cut(words.short(sweep.x, x)) for x in middles])
    axes.set_ylim(places[-1].at + 0.6, -0.6)


def _bar(axes: Axes, one: _Place, metric: str, by: float) -> None:
    """One bar, its whisker, and its number behind both."""
    length = end = one.row[metric].iloc[0] / by
    axes.barh([one.at], [length], height=0.8, color=one.ink)
    if (bounds := ends(one.row, metric)) is not None:
        axes.hlines([one.at], bounds[0] / by, bounds[1] / by, color=INK, linewidth=1.6, zorder=4)
        end = float(np.nanmax([length, bounds[1].iloc[0] / by]))
    _write(axes, max(end, 0.0), one.at, units.digits(length), INK)


def _write(axes: Axes, at: float, line: float, text: str, ink: str) -> None:
    axes.annotate(text, (at, line), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8, color=ink)


def stack(rows: pd.DataFrame, labels: Sequence[str], parts: Sequence[str], title: str, ident: str, largest: float) -> Panel:
    """Stacked bars, one a case: what its step time or memory is made of. All panels of a set share `largest`."""
    by, unit = units.axis_scale(parts[0], largest)
    colours, described = slots(parts), []
    with drawing(3.5, 0.7 + 0.27 * len(rows)) as figure:
        axes = figure.subplots()
        left = np.zeros(len(rows))
        for part in parts:
            lengths = rows[part].fillna(0).to_numpy(dtype=float) / by
            axes.barh(range(len(rows)), lengths, left=left, color=colour(colours[part]), height=0.72, edgecolor=PAPER, linewidth=0.6)
            left += lengths
        for place, (label, (_, row)) in enumerate(zip(labels, rows.iterrows(), strict=True)):
            shares = [f"{METRICS[part].label} {units.show(part, row[part])}" for part in parts if row[part] > 0]
            described.append(f"{label}: {', '.join(shares) or row['status']}")
            if not shares:
                axes.annotate(row["status"], (0, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8, color=MUTED)
        axes.set_yticks(range(len(rows)), [cut(label) for label in labels])
        axes.invert_yaxis()
        axes.set_xlim(0, largest / by * 1.02)
        lying(axes, f"{'memory' if unit.endswith('B') else 'time per step'} [{unit}]")
        description = f"{title}. {'; '.join(described)}."
        legend = [(METRICS[part].label, colours[part]) for part in parts]
        return Panel(title, to_svg(figure, ident, description, legend, title), description)  # its group has one legend for all
