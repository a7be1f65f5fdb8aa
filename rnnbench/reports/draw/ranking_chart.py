"""Candidates of a choice, best first, each with the interval of the figure that ranks them."""

import math
from collections.abc import Sequence

from rnnbench import units
from rnnbench.reports.answer import Answer, Row
from rnnbench.reports.draw.palette import MUTED
from rnnbench.reports.draw.panels import Panel, colour, cut, lying
from rnnbench.reports.draw.svg import drawing, to_svg
from rnnbench.units import axis_scale

MOST = 30
WIDE = 20.0  # from the least to the most: beyond, the axis is logarithmic
_TAKEN, _OTHER, _MISSED = 2, 0, 7


def ranking_chart(found: Answer) -> Panel | None:
    """None where fewer than two candidates were measured."""
    rows = [row for row in found.rows if row.value is not None and row.value > 0][:MOST]
    if len(rows) < 2:
        return None
    values = [row.value or 0.0 for row in rows]
    logarithmic = max(values) > WIDE * min(values)
    by, unit = axis_scale(found.unit_metric, max(values))
    used = dict.fromkeys(_slot(row) for row in rows)
    words = {_TAKEN: "recommended", _OTHER: "other candidate", _MISSED: "misses a limit, or undecided"}
    legend = [(words[slot], slot) for slot in used]
    with drawing(9.6, 0.9 + 0.26 * len(rows)) as figure:
        axes = figure.subplots()
        for place, row in enumerate(rows):
            ink = colour(_slot(row))
            if row.low is not None and row.high is not None and math.isfinite(row.high):
                axes.hlines([place], max(row.low, min(values) / 10) / by, row.high / by, color=ink, linewidth=2, alpha=0.7)
            axes.plot([(row.value or 0.0) / by], [place], "o", markersize=5.5, color=ink)
        axes.axvline((rows[0].value or 0.0) / by, color=MUTED, linewidth=0.8, linestyle=":")
        lying(axes, f"{found.label.partition(' (')[0]} [{unit}]" if unit else found.label.partition(" (")[0])
        if logarithmic:
            axes.set_xscale("log")
        elif min(values) > 0:
            axes.set_xlim(left=0)
        axes.set_yticks(range(len(rows)), [cut(row.name, 44) for row in rows])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.invert_yaxis()
        description = _description(rows, found)
        return Panel("the ranking, with intervals", to_svg(figure, "ranking", description, legend), description, legend)


def _slot(row: Row) -> int:
    if row.rank == 1 and row.requirement in ("", "met"):
        return _TAKEN
    return _OTHER if row.requirement in ("", "met") else _MISSED


def _description(rows: Sequence[Row], found: Answer) -> str:
    first, last = rows[0], max(rows, key=lambda row: row.value or 0.0)
    told = " to ".join(f"{row.name}, {units.show(found.unit_metric, row.value)}" for row in (first, last))
    return f"{found.label} of {len(rows)} candidates, best first: {told}."
