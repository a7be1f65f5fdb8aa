"""Small tables of findings: growth or ratios at a glance, precision speed-ups, and what was run in turn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rnnbench import units
from rnnbench.analysis.fit import contrast, ratios, same, where
from rnnbench.analysis.growth import Growth, growth
from rnnbench.analysis.sweep import Slice, Sweep
from rnnbench.reports import words
from rnnbench.reports.panels import slot

MOST_ROWS = 24
WAYS = ("precision", "implementation", "execution")


@dataclass(frozen=True, slots=True)
class Cell:
    """Text, smaller text beside it, the slot of a colour chip, and how strongly it is tinted (−1 slower … 1 faster)."""

    text: str
    aside: str = ""
    slot: int | None = None
    tint: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A caption, column heads, and rows whose first cell is their head."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


def glance(sweep: Sweep, part: Slice) -> Table | None:
    """What a slice found, a line of the figure a row."""
    fine = part.cases[part.cases["status"] == "ok"]
    if fine.empty:
        return None
    return _growths(sweep, part) if sweep.numeric else _ratios(sweep, part)


def _chip(sweep: Sweep, which: dict[str, Any]) -> Cell:
    return Cell(words.values(which), slot=slot(sweep, which))


def _growths(sweep: Sweep, part: Slice) -> Table | None:
    rows = []
    for which, cases in sweep.lines(part.cases):
        time, memory = growth(cases, sweep.x, "step_time_s"), growth(cases, sweep.x, "activation_bytes")
        if time is None:
            continue
        kept = memory.each if memory else None
        rows.append([
            _chip(sweep, which) if which else Cell(words.value("variant", cases["variant"].iloc[0])),
            *_rates(time),
            Cell(units.binary_bytes(kept.value)) if kept else Cell(units.NONE),
            *_extremes(time),
        ])  # fmt: skip
    if not rows:
        return None
    heads = (
        "",
        f"each further {words.one(sweep.x)}",
        f"time ∝ {words.axis(sweep.x)}ᵏ, k",
        f"activations per {words.one(sweep.x)}",
        "last ÷ first",
        "step time",
    )
    full = [place for place in range(len(heads)) if any(row[place].text != units.NONE for row in rows)]
    picked = [[row[place] for place in full] for row in rows[:MOST_ROWS]]
    return Table(
        _caption(sweep, part),
        [heads[place] for place in full],
        picked,
        "Small figures: 95 % confidence intervals. A dash: too few points, or too far from any fit to quote one.",
    )


def _rates(time: Growth) -> tuple[Cell, Cell]:
    """The slope and the exponent, where they may be quoted."""
    each, law = time.each, time.power if time.power and time.power.good else None
    slope = Cell(units.show("step_time_s", each.value), units.spread("step_time_s", each.low, each.high)) if each else None
    exponent = Cell(units.exponent(law.value), f"{units.exponent(law.low)}–{units.exponent(law.high)}") if law else None
    return slope or Cell(units.NONE, "no straight line"), exponent or Cell(units.NONE, "no power law")


def _extremes(time: Growth) -> tuple[Cell, Cell]:
    """The last point against the first, and both."""
    (first, before), (last, after) = time.points[0], time.points[-1]
    ends = f"{units.show('step_time_s', before)} → {units.show('step_time_s', after)}"
    ratio = Cell(units.factor(time.total), units.factors(*time.total_ends) if time.total_ends else "")
    return ratio, Cell(ends, f"{units.plain(first)} → {units.plain(last)}")


def _ratios(sweep: Sweep, part: Slice) -> Table:
    base = sweep.baseline(sweep.x)
    rows = []
    for which, cases in sweep.lines(part.cases):
        for value in sweep.values(sweep.x):
            row = cases[same(cases[sweep.x], value)].head(1)
            if row.empty:
                continue
            name = _chip(sweep, {sweep.x: value, **which})
            if row["status"].iloc[0] != "ok":
                rows.append([name, Cell(row["status"].iloc[0]), Cell(units.NONE), Cell(units.NONE), Cell(units.NONE)])
                continue
            found = contrast(cases, sweep.x, value, base)
            one = row.iloc[0]
            ends = units.spread("step_time_s", one["step_time_low"], one["step_time_high"]) if pd.notna(one["step_time_low"]) else ""
            to_base = (
                Cell(units.factor(found.ratio), units.factors(found.low, found.high) if found.low and found.high else "")
                if found
                else Cell(units.NONE)
            )
            rows.append([
                name,
                Cell(units.show("step_time_s", one["step_time_s"]), ends),
                Cell("1", "baseline") if value == base else to_base,
                Cell(units.show("activation_bytes", one["activation_bytes"])),
                Cell(units.rate("tokens_per_s", one["tokens_per_s"]) if pd.notna(one["tokens_per_s"]) else units.NONE),
            ])  # fmt: skip
    heads = ("", "step time", f"× {words.short(sweep.x, base)}", "activations", "throughput")
    full = [place for place in range(len(heads)) if place != 2 or sweep.x in sweep.varying]
    picked = [[row[place] for place in full] for row in rows[:MOST_ROWS]]
    return Table(_caption(sweep, part), [heads[place] for place in full], picked, "Small figures: 95 % confidence intervals.")


def _caption(sweep: Sweep, part: Slice) -> str:
    held = words.values(part.held)
    return f"By {words.axis(sweep.x)}" + (f": {held}" if held else "")


def matrices(sweep: Sweep) -> list[tuple[str, Table]]:
    """Speed-ups along every way to run the same network that was varied."""
    found = [(axis, speed_ups(sweep, axis)) for axis in WAYS]
    return [(axis, table) for axis, table in found if table is not None]


def speed_ups(sweep: Sweep, axis: str = "precision") -> Table | None:
    """How many times as fast each value of `axis` is as its baseline, in the headline's slice: a matrix against x and hue."""
    if axis not in sweep.varying:
        return None
    base = sweep.baseline(axis)
    held = {name: sweep.baseline(name) for name in (sweep.style, *sweep.facets) if name and name != axis}
    cases = where(sweep.cases, held)
    across = sweep.x if sweep.x != axis else sweep.hue
    down = sweep.hue if sweep.hue not in (axis, across) else ""
    rows = []
    for value in sweep.values(axis):
        if value == base:
            continue
        found = ratios(cases, axis, value, base)
        for group in sweep.values(down) if down else [None]:
            head = words.short(axis, value) + (f" {words.short(down, group)}" if down else "")
            part = found[same(found[down], group)] if down else found
            cells = [
                _speed_up(part[same(part[across], column)] if across else part) for column in (sweep.values(across) if across else [None])
            ]
            rows.append([Cell(head), *cells])
    if not any(cell.tint is not None for row in rows for cell in row):
        return None
    heads = ["", *(words.value(across, column) for column in (sweep.values(across) if across else []))] if across else ["", "speed"]
    noted = f" ({words.values(held)})" if held else ""
    return Table(f"Speed against {words.short(axis, base)}, the same case otherwise{noted}", heads, rows[:MOST_ROWS],
                 f"2× is twice as fast as {words.short(axis, base)}; small figures: 95 % confidence intervals.")  # fmt: skip


def _speed_up(found: pd.DataFrame) -> Cell:
    if found.empty:
        return Cell(units.NONE)
    row = found.iloc[0]
    speed = 1 / row["ratio"]
    known = pd.notna(row["low"]) and pd.notna(row["high"])
    return Cell(
        units.factor(speed), units.factors(1 / row["high"], 1 / row["low"]) if known else "", tint=max(-1.0, min(1.0, math.log2(speed) / 2))
    )


def in_turn(sweep: Sweep) -> Table | None:
    """Each case against what was run in turn with it, in the same process."""
    cases = sweep.cases[(sweep.cases["status"] == "ok") & sweep.cases["beside_ratio"].notna()]
    if cases.empty:
        return None
    axes = [axis for axis in sweep.varying if cases[axis].nunique(dropna=False) > 1]
    rows = []
    for _, row in cases.head(MOST_ROWS).iterrows():
        pair = units.factors(row["beside_ratio_low"], row["beside_ratio_high"]) if pd.notna(row["beside_ratio_low"]) else ""
        apart = units.spread("clip_cost_s", row["difference_low"], row["difference_high"]) if pd.notna(row["difference_low"]) else ""
        difference = row["clip_cost_s"] if pd.notna(row["clip_cost_s"]) else row["step_time_s"] - row["beside_time_s"]
        rows.append([
            Cell(words.values({axis: row[axis] for axis in axes}) or row["variant"]),
            Cell(row["beside"] or units.NONE),
            Cell(units.show("step_time_s", row["step_time_s"])),
            Cell(units.show("step_time_s", row["beside_time_s"])),
            Cell(units.factor(row["beside_ratio"]), pair),
            Cell(units.show("clip_cost_s", difference), apart),
        ])  # fmt: skip
    left = len(cases) - len(rows)
    note = "Rounds taken in turn in one process; ratio and difference are medians over rounds, small figures their 95 % intervals."
    return Table("Run in turn, in one process", ("", "against", "the step", "the other", "ratio", "difference"), rows,
                 note + (f" {words.count(left, 'further case')} in the table of cases." if left else ""))  # fmt: skip
