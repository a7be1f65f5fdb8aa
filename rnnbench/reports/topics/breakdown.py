"""What the time and the memory of the headline's cases are made of, as stacked bars."""

from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd

from rnnbench.record import MEMORY, METRICS, PARTS
from rnnbench.reports import words
from rnnbench.reports.draw.bars import stack
from rnnbench.reports.draw.palette import slots
from rnnbench.reports.draw.panels import Panel
from rnnbench.reports.topics.topic import Block, Topic, View, fit_id

MOST_PANELS = 8
MOST_BARS = 12


def blocks(view: View) -> Iterator[Block]:
    """Where the time goes, and what holds the memory."""
    sweep = view.sweep
    for parts, heading, name in ((PARTS, "Where the time goes", "parts"), (MEMORY, "Where the memory goes", "memory")):
        cases = sweep.lead.cases
        cases = cases[(cases["status"] != "ok") | cases[list(parts)].notna().any(axis=1)]
        used = [part for part in parts if (cases[part] > 0).any()]
        if len(used) < 2:
            continue
        lines = sum(1 for _, rows in sweep.lines(cases) if (rows.head(MOST_BARS)["status"] == "ok").any())
        left = f"The first {MOST_PANELS} of {lines} lines; the table of cases has the rest." if lines > MOST_PANELS else ""
        held = words.values(sweep.lead.held)
        legend = [(METRICS[part].label.removesuffix(" time").removesuffix(" memory"), slots(used)[part]) for part in used]
        draw = partial(_panels, view, cases, used, name)
        yield Block(f"{sweep.key}-{name}", heading + (f": {held}" if held else ""), left, draw=draw, legend=legend)


def _panels(view: View, cases: pd.DataFrame, used: Sequence[str], name: str) -> list[Panel]:
    sweep = view.sweep
    largest = float(cases[used].fillna(0).sum(axis=1).max())
    panels: list[Panel] = []
    for number, (which, found) in enumerate(sweep.lines(cases)):
        rows = found.head(MOST_BARS)
        if (rows["status"] != "ok").all() or len(panels) == MOST_PANELS:
            continue
        labels = [words.short(sweep.x, value) if which else words.value(sweep.x, value) for value in rows[sweep.x]]
        named = {axis: value for axis, value in which.items() if axis == sweep.hue}
        title = f"{words.values(named) or words.value('variant', rows['variant'].iloc[0])}, by {words.axis(sweep.x)}"
        panels.append(stack(rows, labels, used, title, fit_id(f"{sweep.key}-{name}-{number}"), largest))
    return panels


TOPIC = Topic(blocks=blocks)
