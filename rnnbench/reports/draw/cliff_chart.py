"""The cost per FLOP along a finely swept size, dashed where it jumps."""

from collections.abc import Mapping, Sequence
from typing import Any

from rnnbench.analysis.cliffs import Series, cliffs
from rnnbench.reports import words
from rnnbench.reports.draw.palette import MUTED, slots
from rnnbench.reports.draw.panels import SIZE, TICK, Panel, colour, cut
from rnnbench.reports.draw.svg import drawing, to_svg

_PER_S = 1e12  # picoseconds
_NAMING = ("run", "variant", "phase", "precision", "implementation", "execution")


def cliff_chart(axis: str, found: Sequence[Series], ident: str) -> Panel:
    """One line for each kind of case."""
    names = [_name(one.held, axis) for one in found]
    places, described = slots(names), []
    with drawing(*SIZE) as figure:
        axes = figure.subplots()
        for name, one in zip(names, found, strict=True):
            axes.plot(one.values, one.costs * _PER_S, marker="o", markersize=3.2, linewidth=1.1, color=colour(places[name]))
            for cliff in cliffs(one):
                axes.axvline((cliff.before + cliff.after) / 2, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
            cheapest = int(one.values[one.costs.argmin()])
            described.append(f"{name}: lowest at {words.value(axis, cheapest)}, {words.count(len(cliffs(one)), 'cliff')}")
        axes.set_xlabel(words.axis(axis))
        axes.set_ylabel("time per FLOP [ps]")
        for side in (axes.xaxis, axes.yaxis):
            side.set_major_formatter(TICK)
        axes.set_ylim(bottom=0)
        description = f"Time per FLOP against {words.axis(axis)}. {'; '.join(described)}."
        legend = [(cut(name), places[name]) for name in names]
        return Panel(f"by {words.axis(axis)}", to_svg(figure, ident, description, legend), description, legend)


def _name(held: Mapping[str, Any], axis: str) -> str:
    return words.values({name: value for name, value in held.items() if name in _NAMING}) or words.axis(axis)
