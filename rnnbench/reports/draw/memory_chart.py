"""Memory during a step by category, stacked, operator by operator."""

from collections.abc import Mapping
from typing import Any

from rnnbench import units
from rnnbench.reports.draw.palette import GRID, MUTED, PAPER, slots
from rnnbench.reports.draw.panels import TICK, Panel, colour
from rnnbench.reports.draw.svg import drawing, to_svg

SIZE = (9.6, 3.2)
METRIC = "activation_bytes"  # as which bytes are shown
OF_RECORDS = {"parameters": "parameter_bytes", "optimizer": "optimizer_bytes", "gradients": "gradient_bytes", "activations": METRIC}
LEAST_SHARE = 0.03  # of the axis: parts that are shorter are not named


def held(memory: Mapping[str, Any], ident: str) -> Panel | None:
    """From a profile's timeline; none where there is no train step."""
    if not memory.get("rows"):
        return None
    names = list(memory["categories"])
    at, *layers = zip(*memory["rows"], strict=True)
    totals = [sum(row[1:]) for row in memory["rows"]]
    by, unit = units.axis_scale(METRIC, max(totals))
    places = slots([OF_RECORDS.get(name, name) for name in names])
    inks = [places[OF_RECORDS.get(name, name)] for name in names]
    with drawing(*SIZE) as figure:
        axes = figure.subplots()
        scaled = [[value / by for value in layer] for layer in layers]
        axes.stackplot(at, *scaled, colors=[colour(place) for place in inks], edgecolor=PAPER, linewidth=0.3)
        axes.set_xlim(0, at[-1])
        axes.set_ylim(0, max(totals) / by * 1.12)
        ends = [*(start for start, _ in memory["marks"][1:]), at[-1]]
        for (start, name), end in zip(memory["marks"], ends, strict=True):
            axes.axvline(start, color=GRID, linewidth=0.8)
            if end - start >= LEAST_SHARE * at[-1]:
                axes.annotate(name, (start, max(totals) / by * 1.04), xytext=(3, 0), textcoords="offset points", fontsize=8, color=MUTED)
        axes.set_xlabel("operators of the step")
        axes.set_ylabel(f"memory [{unit}]")
        axes.xaxis.set_major_formatter(TICK)
        axes.yaxis.set_major_formatter(TICK)
        top = max(range(len(totals)), key=totals.__getitem__)
        part = next(name for start, name in reversed(memory["marks"]) if start <= at[top])
        most = ", ".join(f"{name} {units.show(METRIC, value)}" for name, value in zip(names, memory["rows"][top][1:], strict=True) if value)
        description = f"Memory of a step, at most {units.show(METRIC, totals[top])} in {part}: {most}."
        legend = list(zip(names, inks, strict=True))
        return Panel("What a step holds", to_svg(figure, ident, description, legend), description, legend)
