"""Bars for categories, stacked bars for what a total is made of, and dots for every raw sample."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rnnbench import units
from rnnbench.analysis.fit import same
from rnnbench.analysis.sweep import Sweep
from rnnbench.record import METRICS
from rnnbench.reports import words
from rnnbench.reports.palette import INK, MUTED, PAPER, slots
from rnnbench.reports.panels import LEVELS, SIZE, Panel, colour, cut, ends, hues, label_axes, lying, slot
from rnnbench.reports.svg import drawing, to_svg

DENSE = 1500
MOST_NUMBERS = 12


def bars(sweep: Sweep, cases: pd.DataFrame, metric: str, ident: str, size: tuple[float, float] = SIZE) -> Panel | None:
    """A metric for each value of a category: bars from zero, intervals as whiskers, the status in place of a case that failed."""
    if cases[metric].notna().sum() == 0:
        return None
    by, unit = units.axis_scale(metric, float(cases[metric].max()))
    xs = sweep.values(sweep.x)
    width = 0.8 / len(sweep.values(sweep.hue) or [None])
    numbered = len(xs) * 0.8 / width <= MOST_NUMBERS
    said = []
    with drawing(*size) as figure:
        axes = figure.subplots()
        for at, name, ink, row in _places(sweep, cases, width):
            if pd.isna(row[metric].iloc[0]):
                status = row["status"].iloc[0]
                _instead(axes, at, status if status != "ok" else "absent")
                said.append(f"{name} {status}")
            else:
                _bar(axes, at, row, metric, by, width, ink, numbered)
                said.append(f"{name} {units.show(metric, row[metric].iloc[0])}")
        if metric in LEVELS:
            axes.axhline(LEVELS[metric], color=MUTED, linewidth=1)
        axes.set_xlim(-0.55, len(xs) - 0.45)
        axes.set_ylim(top=axes.get_ylim()[1] * 1.06)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        label_axes(axes, sweep.x, metric, unit)
        axes.set_xticks(range(len(xs)), [cut(words.short(sweep.x, x)) for x in xs])
        label = METRICS[metric].label
        says = f"{label} by {words.axis(sweep.x)}: {'; '.join(said)}."
        legend = tuple(hues(sweep).items()) if sweep.hue else ()
        return Panel(label, to_svg(figure, ident, says, legend), says, legend)


def _places(sweep: Sweep, cases: pd.DataFrame, width: float) -> Iterator[tuple[float, str, str, pd.DataFrame]]:
    """Where each bar stands, what it is called, its colour, and its one row."""
    groups = sweep.values(sweep.hue) or [None]
    for order, group in enumerate(groups):
        rows = cases[same(cases[sweep.hue], group)] if sweep.hue else cases
        for place, x in enumerate(sweep.values(sweep.x)):
            row = rows[same(rows[sweep.x], x)].head(1)
            if not row.empty:
                which: dict[str, Any] = {sweep.x: x, **({sweep.hue: group} if sweep.hue else {})}
                name = " ".join(words.short(axis, value) for axis, value in which.items())
                yield place + (order - (len(groups) - 1) / 2) * width, name, colour(slot(sweep, which)), row


def _bar(axes: Axes, at: float, row: pd.DataFrame, metric: str, by: float, width: float, ink: str, numbered: bool) -> None:
    """One bar, its whisker, and its number above both."""
    height = top = row[metric].iloc[0] / by
    sns.barplot(x=[at], y=[height], native_scale=True, width=width * 0.86, color=ink, saturation=1, ax=axes, errorbar=None)
    if (bounds := ends(row, metric)) is not None:
        axes.vlines([at], bounds[0] / by, bounds[1] / by, color=INK, linewidth=1.6, zorder=4)
        top = float(np.nanmax([height, bounds[1].iloc[0] / by]))
    if numbered:
        text = units.digits(height)
        axes.annotate(text, (at, top), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=8, color=INK)


def _instead(axes: Axes, at: float, status: str) -> None:
    axes.annotate(
        status, (at, 0), xytext=(0, 4), textcoords="offset points", rotation=90, ha="center", va="bottom", fontsize=8, color=MUTED
    )


def stack(rows: pd.DataFrame, labels: Sequence[str], parts: Sequence[str], title: str, ident: str, largest: float) -> Panel:
    """Stacked bars, one a case: what its step time or memory is made of. All panels of a set share `largest`."""
    by, unit = units.axis_scale(parts[0], largest)
    colours, said = slots(parts), []
    with drawing(3.5, 0.7 + 0.27 * len(rows)) as figure:
        axes = figure.subplots()
        left = np.zeros(len(rows))
        for part in parts:
            lengths = rows[part].fillna(0).to_numpy(dtype=float) / by
            axes.barh(range(len(rows)), lengths, left=left, color=colour(colours[part]), height=0.72, edgecolor=PAPER, linewidth=0.6)
            left += lengths
        for place, (label, (_, row)) in enumerate(zip(labels, rows.iterrows(), strict=True)):
            shares = [f"{METRICS[part].label} {units.show(part, row[part])}" for part in parts if row[part] > 0]
            said.append(f"{label}: {', '.join(shares) or row['status']}")
            if not shares:
                axes.annotate(row["status"], (0, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8, color=MUTED)
        axes.set_yticks(range(len(rows)), [cut(label) for label in labels])
        axes.invert_yaxis()
        axes.set_xlim(0, largest / by * 1.02)
        lying(axes, f"{'memory' if unit.endswith('B') else 'time in a step'} [{unit}]")
        says = f"{title}. {'; '.join(said)}."
        legend = [(METRICS[part].label, colours[part]) for part in parts]
        return Panel(title, to_svg(figure, ident, says, legend, title), says)  # its group has one legend for all


def samples(names: Sequence[str], times_s: Sequence[Sequence[float]], inks: Sequence[str], title: str, ident: str) -> Panel:
    """Every round as a dot, as a distance from its case's median: two clouds are two modes, a tail is disturbance."""
    distances = [np.asarray(times) / np.median(times) * 100 - 100 for times in times_s]
    pooled = np.concatenate(distances)
    reach = max(1.0, float(np.percentile(np.abs(pooled), 99)) * 1.15)
    order = [str(index) for index in range(len(names))]
    table = pd.DataFrame({"distance": pooled, "case": np.repeat(order, [len(one) for one in distances])})
    kept = table[table["distance"].abs() <= reach]
    with drawing(9.6, 0.75 + 0.24 * len(names)) as figure:
        axes = figure.subplots()
        axes.axvline(0, color=MUTED, linewidth=0.8)
        look: dict[str, Any] = {"jitter": 0.28, "size": 2.6, "alpha": 0.6, "legend": False, "rasterized": len(kept) > DENSE}
        luck = np.random.get_state()  # noqa: NPY002 - seaborn's jitter draws from here; a report is the same bytes each time
        np.random.seed(0)  # noqa: NPY002
        sns.stripplot(data=kept, x="distance", y="case", hue="case", palette=list(inks), order=order, hue_order=order, ax=axes, **look)
        np.random.set_state(luck)  # noqa: NPY002
        lying(axes, "distance of a round from its case's median [%]")
        axes.set_yticks(range(len(names)), [cut(name, 40) for name in names])
        axes.set_xlim(-reach, reach)
        says = _steadiness(names, distances, reach)
        return Panel(title, to_svg(figure, ident, says), says)


def _steadiness(names: Sequence[str], distances: Sequence[Any], reach: float) -> str:
    """How far the rounds lie from their medians, in words."""
    middles = [float(np.subtract(*np.percentile(one, [75, 25]))) for one in distances]
    widest = max(range(len(names)), key=middles.__getitem__)
    rounds, beyond = sum(map(len, distances)), sum(int((np.abs(one) > reach).sum()) for one in distances)
    return (
        f"{words.count(rounds, 'round')} of {words.count(len(names), 'case')}. "
        f"The middle half is widest for {names[widest]}: {units.percent(middles[widest] / 100)} of the median."
        + (f" {words.count(beyond, 'round')} beyond ±{units.percent(reach / 100)}: not drawn." if beyond else "")
    )
