"""Drawing one panel: points with their fit, bars, stacked bars, or raw samples. One function a kind of picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from rnnbench import units
from rnnbench.analysis.fit import same
from rnnbench.analysis.growth import growth
from rnnbench.analysis.sweep import Sweep
from rnnbench.case import AXES
from rnnbench.record import METRICS
from rnnbench.reports import words
from rnnbench.reports.palette import INK, MARKERS, MUTED, PAPER, SLOTS, slots
from rnnbench.reports.svg import drawing, to_svg

LOG_FROM = 4
DENSE = 1500
_DASHES = ("solid", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 1.5, 1, 1.5)))


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture, what it is called, and what it shows in words."""

    title: str
    svg: Markup
    says: str


def hues(sweep: Sweep) -> dict[str, str]:
    """The colour of each value of the hue (of x where there is none)."""
    axis = sweep.hue or sweep.x
    values = sweep.values(axis)
    names = [words.short(axis, value) for value in values]
    if axis in AXES and AXES[axis].kind in (int, float):
        return {name: SLOTS[index % len(SLOTS)][0] for index, name in enumerate(names)}
    return {name: SLOTS[slot][0] for name, slot in slots(names).items()}


def _named(sweep: Sweep, which: Mapping[str, Any]) -> str:
    return ", ".join(words.short(axis, value) for axis, value in which.items()) or str(sweep.cases["variant"].iloc[0])


def scaling(sweep: Sweep, cases: pd.DataFrame, metric: str, ident: str, size: tuple[float, float] = (4.7, 3.1)) -> Panel | None:
    """A metric against a swept number: measured points with intervals, the fit through them, a cross where a case failed."""
    lines = [(which, rows) for which, rows in sweep.lines(cases) if rows[metric].notna().any()]
    if not lines:
        return None
    colours, (by, unit) = hues(sweep), units.axis_scale(metric, float(cases[metric].max()))
    styles = sweep.values(sweep.style)
    said, labels = [], []
    xs = cases[sweep.x].astype(float)
    log = xs.min() > 0 and xs.max() >= LOG_FROM * xs.min()
    with drawing(*size) as figure:
        axes = figure.subplots()
        for which, rows in lines:
            style = styles.index(which[sweep.style]) if sweep.style else 0
            colour = colours[words.short(sweep.hue, which[sweep.hue])] if sweep.hue else SLOTS[0][0]
            fine = rows[rows[metric].notna()]
            found = growth(rows, sweep.x, metric) if metric != "tokens_per_s" else None
            fit = found.best if found else None
            dash = _DASHES[style % len(_DASHES)]
            if fit is not None:
                curve = np.geomspace(fine[sweep.x].min(), fine[sweep.x].max(), 60) if log else np.linspace(fine[sweep.x].min(), fine[sweep.x].max(), 60)
                axes.plot(curve, fit.at(curve) / by, color=colour, linewidth=1.4, linestyle=dash)
            else:
                axes.plot(fine[sweep.x], fine[metric] / by, color=colour, linewidth=1, linestyle=dash, alpha=0.7)
            _whiskers(axes, fine[sweep.x].astype(float), _ends(fine, metric), by, colour)
            sns.scatterplot(x=fine[sweep.x].astype(float), y=fine[metric] / by, ax=axes, color=colour if style == 0 else PAPER, s=34, zorder=3,
                            marker=MARKERS[SLOTS_INDEX[colour]], edgecolor=colour, linewidth=1.3, legend=False)  # fmt: skip
            _crosses(axes, rows, sweep.x, colour)
            labels.append((float(fine[metric].iloc[-1]) / by, _named(sweep, which), colour))
            said.append(f"{_named(sweep, which)} from {units.show(metric, fine[metric].iloc[0])} to {units.show(metric, fine[metric].iloc[-1])}"
                        + (f", growing as {words.axis(sweep.x)} to the power {units.exponent(found.power.value)}" if found and found.power and found.power.good else ""))  # fmt: skip
        _finish(axes, sweep.x, metric, unit, sorted(set(xs)), log)
        if len(lines) > 1:
            _label_ends(axes, labels)
        label = METRICS[metric].label
        ends = f"{units.plain(min(xs))} to {units.plain(max(xs))}"
        says = f"{label} against {words.axis(sweep.x)}, {ends}: {'; '.join(said)}."
        return Panel(label, to_svg(figure, ident, says), says)


SLOTS_INDEX = {pair[0]: index for index, pair in enumerate(SLOTS)}


def _ends(rows: pd.DataFrame, metric: str) -> "tuple[pd.Series[float], pd.Series[float]] | None":
    """The interval of a metric that follows from the step time; none for what is exact."""
    if metric == "step_time_s":
        return rows["step_time_low"], rows["step_time_high"]
    if metric in ("tokens_per_s", "sequences_per_s"):
        work = rows[metric] * rows["step_time_s"]
        return work / rows["step_time_high"], work / rows["step_time_low"]
    return None


def _whiskers(axes: Axes, at: Any, ends: Any, by: float, colour: str) -> None:
    if ends is not None:
        axes.vlines(at, ends[0] / by, ends[1] / by, color=colour, linewidth=2.2, alpha=0.55, zorder=2)


def _crosses(axes: Axes, rows: pd.DataFrame, x: str, colour: str) -> None:
    """Failed cases, at the top of the panel where they would have stood."""
    failed = rows[rows["status"] != "ok"]
    for at, status in zip(failed[x].astype(float), failed["status"], strict=True):
        axes.plot([at], [0.97], marker="x", color=colour, markersize=7, markeredgewidth=2, transform=axes.get_xaxis_transform(), clip_on=False)
        axes.annotate(status, (at, 0.97), xycoords=axes.get_xaxis_transform(), xytext=(0, -14), textcoords="offset points", ha="center",
                      fontsize=7.5, color=MUTED)  # fmt: skip


def _finish(axes: Axes, x: str, metric: str, unit: str, xs: Sequence[float], log: bool) -> None:
    """Scales, ticks at what was measured, and units on both axes."""
    number = FuncFormatter(lambda value, _: units.tick(value))
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        decades = np.log10(high / low)
        axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5) if decades < 2.5 else (1,)))
    else:
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(5))
    shown = xs if len(xs) <= 7 else xs[:: -(-len(xs) // 7)]
    axes.xaxis.set_major_locator(FixedLocator(list(shown)))
    for one in (axes.xaxis, axes.yaxis):
        one.set_minor_locator(NullLocator())
        one.set_major_formatter(number)
    axes.grid(visible=False, axis="x")
    sns.despine(ax=axes, left=True)
    counted = AXES[x].unit if x in AXES else ""
    axes.set_xlabel(f"{words.axis(x)} [{counted}]" if counted else words.axis(x))
    axes.set_ylabel(f"{METRICS[metric].label} [{unit}]" if unit else METRICS[metric].label)


def _label_ends(axes: Axes, labels: list[tuple[float, str, str]]) -> None:
    """Each line's name at its right end, moved apart where they would touch."""
    if axes.get_yscale() == "log":
        low, high = np.log(axes.get_ylim())
        places = sorted(((np.log(y) - low) / (high - low), name, colour) for y, name, colour in labels)
    else:
        low, high = axes.get_ylim()
        places = sorted(((y - low) / (high - low), name, colour) for y, name, colour in labels)
    gap = 0.068
    heights = [place[0] for place in places]
    for index in range(1, len(heights)):
        heights[index] = max(heights[index], heights[index - 1] + gap)
    over = max(0.0, heights[-1] - 1)
    for index in reversed(range(len(heights))):
        limit = 1.0 if index == len(heights) - 1 else heights[index + 1] - gap
        heights[index] = min(heights[index] - (over if index == len(heights) - 1 else 0), limit)
    for height, (_, name, colour) in zip(heights, places, strict=True):
        axes.annotate(name if len(name) <= 28 else name[:27] + "…", (1.015, height), xycoords="axes fraction", color=colour, fontsize=8.5, va="center",
                      annotation_clip=False)  # fmt: skip


def bars(sweep: Sweep, cases: pd.DataFrame, metric: str, ident: str, size: tuple[float, float] = (4.7, 3.1)) -> Panel | None:
    """A metric for each value of a category: bars from zero, intervals as whiskers, the status in place of a case that failed."""
    if cases[metric].notna().sum() == 0:
        return None
    by, unit = units.axis_scale(metric, float(cases[metric].max()))
    xs, groups, colours = sweep.values(sweep.x), sweep.values(sweep.hue) or [None], hues(sweep)
    width = 0.8 / len(groups)
    said = []
    with drawing(*size) as figure:
        axes = figure.subplots()
        for order, group in enumerate(groups):
            rows = cases[same(cases[sweep.hue], group)] if sweep.hue else cases
            for place, x in enumerate(xs):
                at = place + (order - (len(groups) - 1) / 2) * width
                row = rows[same(rows[sweep.x], x)].head(1)
                colour = colours[words.short(sweep.hue or sweep.x, group if sweep.hue else x)]
                name = words.short(sweep.x, x) + (f" {words.short(sweep.hue, group)}" if sweep.hue else "")
                if row.empty:
                    continue
                height = row[metric].iloc[0]
                if pd.isna(height):
                    status = row["status"].iloc[0]
                    axes.annotate(status if status != "ok" else "absent", (at, 0), xytext=(0, 4), textcoords="offset points", rotation=90,
                                  ha="center", va="bottom", fontsize=8, color=MUTED)  # fmt: skip
                    said.append(f"{name} {status}")
                    continue
                sns.barplot(x=[at], y=[height / by], native_scale=True, width=width * 0.86, color=colour, saturation=1, ax=axes, errorbar=None)
                if (ends := _ends(row, metric)) is not None:
                    axes.vlines([at], ends[0] / by, ends[1] / by, color=INK, linewidth=1.6, zorder=4)
                if len(xs) * len(groups) <= 12:
                    axes.annotate(units.digits(height / by), (at, height / by), xytext=(0, 4), textcoords="offset points", ha="center",
                                  fontsize=8, color=INK)  # fmt: skip
                said.append(f"{name} {units.show(metric, height)}")
        axes.set_xticks(range(len(xs)), [_cut(words.short(sweep.x, x)) for x in xs])
        axes.set_xlim(-0.55, len(xs) - 0.45)
        axes.set_ylim(0, axes.get_ylim()[1] * 1.06)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(visible=False, axis="x")
        sns.despine(ax=axes, left=True)
        axes.set_xlabel(words.axis(sweep.x))
        axes.set_ylabel(f"{METRICS[metric].label} [{unit}]" if unit else METRICS[metric].label)
        label = METRICS[metric].label
        says = f"{label} by {words.axis(sweep.x)}: {'; '.join(said)}."
        return Panel(label, to_svg(figure, ident, says), says)


def _cut(name: str, most: int = 24) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def stack(rows: pd.DataFrame, labels: Sequence[str], parts: Sequence[str], title: str, ident: str, largest: float) -> Panel:
    """Stacked bars, one a case: what its step time or memory is made of. All panels of a set share `largest`."""
    by, unit = units.axis_scale(parts[0], largest)
    colours, said = slots(parts), []
    with drawing(4.7, 0.75 + 0.3 * len(rows)) as figure:
        axes = figure.subplots()
        left = np.zeros(len(rows))
        for part in parts:
            lengths = rows[part].fillna(0).to_numpy(dtype=float) / by
            axes.barh(range(len(rows)), lengths, left=left, color=SLOTS[colours[part]][0], height=0.72, edgecolor=PAPER, linewidth=0.6)
            left += lengths
        axes.set_yticks(range(len(rows)), [_cut(label) for label in labels])
        axes.invert_yaxis()
        axes.set_xlim(0, largest / by * 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: units.tick(value)))
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        sns.despine(ax=axes, bottom=True, left=True)
        axes.set_xlabel(f"{'memory' if unit.endswith('B') else 'time in a step'} [{unit}]")
        for label, (_, row) in zip(labels, rows.iterrows(), strict=True):
            said.append(f"{label}: " + ", ".join(f"{METRICS[part].label} {units.show(part, row[part])}" for part in parts if row[part] > 0))
        says = f"{title}. {'; '.join(said)}."
        return Panel(title, to_svg(figure, ident, says), says)


def samples(names: Sequence[str], times_s: Sequence[Sequence[float]], colours: Sequence[str], title: str, ident: str) -> Panel:
    """Every round as a dot, as a distance from its case's median: two clouds are two modes, a tail is disturbance."""
    distances = [np.asarray(times) / np.median(times) * 100 - 100 for times in times_s]
    pooled = np.concatenate(distances)
    reach = max(1.0, float(np.percentile(np.abs(pooled), 99)) * 1.15)
    beyond = int((np.abs(pooled) > reach).sum())
    table = pd.DataFrame({"distance": pooled, "case": np.repeat(np.arange(len(names)), [len(one) for one in distances]).astype(str)})
    with drawing(9.6, 0.75 + 0.24 * len(names)) as figure:
        axes = figure.subplots()
        axes.axvline(0, color=MUTED, linewidth=0.8)
        kept = table[table["distance"].abs() <= reach]
        sns.stripplot(data=kept, x="distance", y="case", hue="case", palette=list(colours), order=[str(i) for i in range(len(names))],
                      hue_order=[str(i) for i in range(len(names))], jitter=0.28, size=2.6, alpha=0.6, legend=False, ax=axes,
                      rasterized=len(kept) > DENSE)  # fmt: skip
        axes.set_yticks(range(len(names)), [_cut(name, 40) for name in names])
        axes.set_xlim(-reach, reach)
        axes.set_ylabel("")
        axes.set_xlabel("distance of a round from its case's median [%]")
        axes.grid(visible=True, axis="x")
        sns.despine(ax=axes, bottom=True, left=True)
        widest = max(range(len(names)), key=lambda index: float(np.subtract(*np.percentile(distances[index], [75, 25]))))
        quarter = float(np.subtract(*np.percentile(distances[widest], [75, 25])))
        out = f" {beyond} rounds lie beyond ±{units.digits(reach)} % and are not drawn." if beyond else ""
        says = f"{len(pooled):,} rounds of {len(names)} cases. The widest middle half is {names[widest]}'s: {units.digits(quarter)} % of its median.{out}"
        return Panel(title, to_svg(figure, ident, says), says)
