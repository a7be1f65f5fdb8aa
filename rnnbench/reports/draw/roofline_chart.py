"""Roofline: each case's FLOP rate over its arithmetic intensity, under what the machine's products and copies allow."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from rnnbench import units
from rnnbench.analysis.sweep import Sweep
from rnnbench.case import AXES
from rnnbench.record import Run
from rnnbench.reports import words
from rnnbench.reports.draw.palette import MARKERS, MUTED, slots
from rnnbench.reports.draw.panels import TICK, Panel, colour, hues
from rnnbench.reports.draw.svg import drawing, to_svg
from rnnbench.roofline import Ceilings

X, Y = "intensity_flops_per_byte", "achieved_flops_per_s"


def ceilings_of(runs: Sequence[Run]) -> Ceilings | None:
    """What the first run's machine allows; None where it was not measured."""
    stated = runs[0].machine.get("ceilings") if runs else None
    try:
        found = Ceilings.from_dict(stated) if isinstance(stated, Mapping) else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return found if found and (found.flops_per_s or found.copy_bytes_per_s) else None


def roofline(sweep: Sweep, ceilings: Ceilings, ident: str) -> Panel | None:
    """The panel; None where no case knows its FLOPs."""
    cases = sweep.cases[(sweep.cases["status"] == "ok") & (sweep.cases[X] > 0) & (sweep.cases[Y] > 0)]
    if cases.empty:
        return None
    rates = {name: rate for name, rate in ceilings.flops_per_s.items() if (cases["precision"] == name).any()}
    by, unit = units.axis_scale("step_flops", max([float(cases[Y].max()), *rates.values()]))
    axis = sweep.hue or "variant"
    inks = hues(sweep) if sweep.hue else slots([words.short("variant", one) for one in sweep.values("variant")])
    with drawing(9.6, 4.0) as figure:
        axes = figure.subplots()
        ends = _ends(cases[X], ceilings, rates)
        for name, rate in rates.items():
            _roof(axes, ends, rate, ceilings.copy_bytes_per_s, by, name)
        for name, slot in inks.items():
            rows = cases[[words.short(axis, value) == name for value in cases[axis]]]
            axes.scatter(rows[X], rows[Y] / by, s=26, marker=MARKERS[slot % len(MARKERS)], color=colour(slot), alpha=0.85, zorder=3)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(*ends)
        axes.set_xlabel("arithmetic intensity [FLOP/byte]")
        axes.set_ylabel(f"FLOP rate [{unit}/s]")
        for one in (axes.xaxis, axes.yaxis):
            one.set_major_locator(LogLocator(base=10, subs=(1, 3)))
            one.set_minor_locator(NullLocator())
            one.set_major_formatter(TICK)
        description = _description(cases, rates, ceilings)
        legend = [(name, slot) for name, slot in inks.items()] if axis in AXES or axis == "run" else []
        return Panel("roofline", to_svg(figure, ident, description, legend), description, legend)


def _ends(found: Any, ceilings: Ceilings, rates: Mapping[str, float]) -> tuple[float, float]:
    """Wide enough for every case and for the ridge, where copies stop being the limit."""
    ridges = [rate / ceilings.copy_bytes_per_s for rate in rates.values()] if ceilings.copy_bytes_per_s else []
    values = [float(found.min()), float(found.max()), *ridges]
    return min(values) / 2, max(values) * 3


def _roof(axes: Axes, ends: tuple[float, float], rate: float, copied: float | None, by: float, name: str) -> None:
    at = np.geomspace(*ends, 80)
    roof = np.minimum(rate, at * copied) if copied else np.full_like(at, rate)
    axes.plot(at, roof / by, color=MUTED, linewidth=1.4, zorder=1)
    axes.annotate(name, (ends[1], rate / by), xytext=(-4, 4), textcoords="offset points", ha="right", fontsize=8.5, color=MUTED)


def _description(cases: Any, rates: Mapping[str, float], ceilings: Ceilings) -> str:
    """The picture in words."""
    limits = [f"{name} products up to {units.scaled(rate, 'FLOP/s')}" for name, rate in rates.items()]
    if ceilings.copy_bytes_per_s:
        limits.append(f"copies up to {units.scaled(ceilings.copy_bytes_per_s, 'B/s')}")
    shares = cases["ceiling_share"].dropna()
    reach = f" They reach {units.percent(shares.min())} to {units.percent(shares.max())} of what that allows." if len(shares) else ""
    return f"{words.count(len(cases), 'case')} on a machine with {words.joined(limits) or 'unknown limits'} ({ceilings.source}).{reach}"
