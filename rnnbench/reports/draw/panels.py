"""What all pictures share: the Panel, colours of a sweep, intervals of a metric, and the house's axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from rnnbench import units
from rnnbench.analysis.sweep import Sweep
from rnnbench.case import AXES
from rnnbench.record import METRICS
from rnnbench.reports import words
from rnnbench.reports.draw.palette import SLOTS, slots

SIZE = (4.7, 3.1)
TICK = FuncFormatter(lambda value, _: units.tick(value))

Ends = tuple["pd.Series[float]", "pd.Series[float]"]


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture, what it is called, and what it shows in words. `legend` pairs names with the slots of their colours."""

    title: str
    svg: Markup
    description: str
    legend: Sequence[tuple[str, int]] = ()


def hues(sweep: Sweep) -> dict[str, int]:
    """The slot of the colour of each value of the hue (of x where there is none)."""
    axis = sweep.hue or sweep.x
    names = [words.short(axis, value) for value in sweep.values(axis)]
    if axis in AXES and AXES[axis].kind in (int, float):
        return {name: index % len(SLOTS) for index, name in enumerate(names)}
    return slots(names)


def slot(sweep: Sweep, which: Mapping[str, Any]) -> int:
    """The slot of a line or bar that holds these values; the first where there is nothing to tell apart."""
    axis = sweep.hue or sweep.x
    return hues(sweep).get(words.short(axis, which[axis]), 0) if axis in which else 0


def colour(place: int) -> str:
    """The colour of a slot, as it is drawn on white; the page changes it with the theme."""
    return SLOTS[place][0]


def line_name(sweep: Sweep, which: Mapping[str, Any]) -> str:
    """What a line is called: "lstm, bf16"."""
    return ", ".join(words.short(axis, value) for axis, value in which.items()) or words.short("variant", sweep.cases["variant"].iloc[0])


def cut(name: str, most: int = 24) -> str:
    """A label that leaves room for the picture."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def ends(rows: pd.DataFrame, metric: str) -> Ends | None:
    """The confidence interval of a metric that has one; a rate takes that of the step time it divides by."""
    name = METRICS[metric].interval
    if not name:
        return None
    low, high = rows[f"{name}_low"], rows[f"{name}_high"]
    if not metric.endswith("_per_s"):
        return low, high
    work = rows[metric] * rows["step_time_s"]
    return work / high, work / low


def levelled(metric: str) -> bool:
    """Whether a metric is read against a reference level, on a linear scale: a ratio against 1, a cost against 0."""
    return METRICS[metric].reference is not None


def label_axes(axes: Axes, x: str, metric: str, unit: str) -> None:
    """Names and units on both axes, a light grid across, no frame."""
    for one in (axes.xaxis, axes.yaxis):
        one.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(TICK)
    axes.grid(visible=False, axis="x")
    sns.despine(ax=axes, left=True)
    counted = AXES[x].unit if x in AXES else ""
    axes.set_xlabel(f"{words.axis(x)} [{counted}]" if counted else words.axis(x))
    axes.set_ylabel(f"{METRICS[metric].label} [{unit}]" if unit else METRICS[metric].label)


def lying(axes: Axes, label: str) -> None:
    """For pictures that read from left to right: grid and numbers along x."""
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(TICK)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    sns.despine(ax=axes, bottom=True, left=True)
    axes.set_xlabel(label)
    axes.set_ylabel("")
