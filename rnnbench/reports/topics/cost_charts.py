"""Charts and tables of what a slice of a suite costs, against whatever its cases sweep: shared by the topics that show them."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from rnnbench import units
from rnnbench.analysis.fit import contrast, same
from rnnbench.analysis.growth import Growth, growth
from rnnbench.analysis.sweep import Slice, Sweep
from rnnbench.reports import comparatives, words
from rnnbench.reports.draw.bars import bars
from rnnbench.reports.draw.panels import SIZE, Panel, slot
from rnnbench.reports.draw.scaling import scaling
from rnnbench.reports.table import Cell, Table
from rnnbench.reports.topics.topic import fit_id

HERO = (5.6, 3.7)
MOST_ROWS = 24
_METRICS = ("step_time_s", "tokens_per_s", "activation_bytes", "peak_allocated_bytes")
CI = "Ranges are 95 % confidence intervals."


def cost_panel(sweep: Sweep, cases: pd.DataFrame, metric: str, ident: str, size: tuple[float, float] = SIZE) -> Panel | None:
    """A metric against x: lines where x is a number, else bars."""
    return (scaling if sweep.numeric else bars)(sweep, cases, metric, fit_id(ident), size)


def cost_charts(sweep: Sweep, part: Slice, number: int, metric: str) -> Sequence[Panel]:
    """Time, throughput and memory of one slice. The first leaves out `metric`, which stands beside the answer."""
    drawn = [name for name in dict.fromkeys((metric, *_METRICS)) if number or name != metric]
    panels = [cost_panel(sweep, part.cases, name, f"{sweep.key}-{number}-{name}") for name in drawn]
    return [panel for panel in panels if panel]


def captioned(sweep: Sweep, part: Slice) -> str:
    """By what, and what is held: "By depth: train, fp32"."""
    held = words.values(part.held)
    return f"By {words.axis(sweep.x)}" + (f": {held}" if held else "")


def chip(sweep: Sweep, which: dict[str, Any]) -> Cell:
    """The head of a row, with the colour of its line."""
    return Cell(words.values(which), slot=slot(sweep, which))


def glance(sweep: Sweep, part: Slice) -> Table | None:
    """What a slice found, one line of its figure per row."""
    fine = part.cases[part.cases["status"] == "ok"]
    if fine.empty:
        return None
    return _growths(sweep, part) if sweep.numeric else _ratios(sweep, part)


def _growths(sweep: Sweep, part: Slice) -> Table | None:
    rows = []
    for which, cases in sweep.lines(part.cases):
        time, memory = growth(cases, sweep.x, "step_time_s"), growth(cases, sweep.x, "activation_bytes")
        if time is None:
            continue
        kept = memory.each if memory else None
        rows.append([
            chip(sweep, which) if which else Cell(words.value("variant", cases["variant"].iloc[0])),
            *_extremes(time),
            *_rates(time),
            Cell(units.binary_bytes(kept.value)) if kept else Cell(units.NONE),
        ])  # fmt: skip
    if not rows:
        return None
    one = words.one(sweep.x)
    heads = ("", "step time", "increase", f"per additional {one}", f"time ∝ {words.axis(sweep.x)}ᵏ, k", f"activations per {one}")
    note = f"{CI} A dash: too few points, or no fit close enough to quote."
    return Table(captioned(sweep, part), heads, rows[:MOST_ROWS], note).without_empty(units.NONE)


def _rates(time: Growth) -> tuple[Cell, Cell]:
    """The slope and the exponent, where they may be quoted."""
    each, law = time.each, time.power if time.power and time.power.good else None
    slope = Cell(units.show("step_time_s", each.value), units.spread("step_time_s", each.low, each.high)) if each else None
    exponent = Cell(units.exponent(law.value), f"{units.exponent(law.low)}–{units.exponent(law.high)}") if law else None
    return slope or Cell(units.NONE, "not linear"), exponent or Cell(units.NONE, "no power law")


def _extremes(time: Growth) -> tuple[Cell, Cell]:
    """Both ends of the sweep, and their ratio."""
    (first, before), (last, after) = time.points[0], time.points[-1]
    ends = f"{units.show('step_time_s', before)} → {units.show('step_time_s', after)}"
    ratio = Cell(units.factor(time.total), units.factors(*time.total_ends) if time.total_ends else "")
    return Cell(ends, f"{units.plain(first)} → {units.plain(last)}"), ratio


def _ratios(sweep: Sweep, part: Slice) -> Table:
    base = sweep.baseline(sweep.x)
    rows = []
    for which, cases in sweep.lines(part.cases):
        for value in sweep.values(sweep.x):
            row = cases[same(cases[sweep.x], value)].head(1)
            if not row.empty:
                rows.append([chip(sweep, {sweep.x: value, **which}), *_ratio_cells(sweep, cases, row.iloc[0], base)])
    heads = ["", "step time", f"against {words.short(sweep.x, base)}", "activation memory", "throughput"]
    full = [place for place in range(len(heads)) if place != 2 or sweep.x in sweep.varying]
    picked = [[row[place] for place in full] for row in rows[:MOST_ROWS]]
    return Table(captioned(sweep, part), [heads[place] for place in full], picked, CI).without_empty(units.NONE)


def _ratio_cells(sweep: Sweep, cases: pd.DataFrame, one: "pd.Series[Any]", base: Any) -> list[Cell]:
    """Step time, speed against the baseline, activation memory and throughput of one case; a failed one description how it ended."""
    if one["status"] != "ok":
        return [Cell(one["status"]), *[Cell(units.NONE)] * 3]
    value = None if pd.isna(one[sweep.x]) else one[sweep.x]
    found = contrast(cases, sweep.x, value, base)
    ends = units.spread("step_time_s", one["step_time_low"], one["step_time_high"]) if pd.notna(one["step_time_low"]) else ""
    against = Cell(comparatives.speed(found.ratio), comparatives.speed_interval(found.ratio, found.low, found.high)) if found else None
    return [
        Cell(units.show("step_time_s", one["step_time_s"]), ends),
        Cell("baseline") if value == base else against or Cell(units.NONE),
        Cell(units.show("activation_bytes", one["activation_bytes"])),
        Cell(units.rate("tokens_per_s", one["tokens_per_s"]) if pd.notna(one["tokens_per_s"]) else units.NONE),
    ]
