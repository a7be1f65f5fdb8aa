"""Every timed round of the headline's cases, to see how steady they were."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from rnnbench.analysis.frames import plausible
from rnnbench.reports import words
from rnnbench.reports.draw.panels import Panel, colour, slot
from rnnbench.reports.draw.rounds import rounds
from rnnbench.reports.topics.topic import Block, Topic, View, fit_id

MOST_SAMPLED = 48
MOST_DOTS = 400


def blocks(view: View) -> Iterator[Block]:
    """One wide figure, a row of dots per case."""
    found = _sampled(view)
    if found:
        cut = "" if len(found) <= MOST_SAMPLED else f"The first {MOST_SAMPLED} of {len(found)} cases."
        draw = partial(_panels, view, found[:MOST_SAMPLED])
        yield Block(f"{view.key}-samples", "How steady the rounds were", cut, draw=draw, wide=True)


def _sampled(view: View) -> list[tuple[dict[str, Any], tuple[str, str]]]:
    """The headline's cases of more than one round: what tells each apart, and its run and id."""
    sweep, found = view.sweep, []
    for which, rows in sweep.lines(sweep.lead.cases):
        for run, name, x, samples in zip(rows["run"], rows["id"], rows[sweep.x], rows["samples"], strict=True):
            if samples > 1:
                held = {**{axis: value for axis, value in which.items() if axis == sweep.hue}, sweep.x: x}
                found.append((held, (run, name)))
    return found


def _panels(view: View, found: Sequence[tuple[dict[str, Any], tuple[str, str]]]) -> list[Panel]:
    wanted = {key for _, key in found}
    times: dict[tuple[str, str], dict[int, Sequence[float]]] = {}
    for run in view.runs:
        for record in run.records:
            if (key := (run.id, str(record.case))) in wanted:
                times.setdefault(key, {})[record.process] = record.times_s
    rows = []
    for held, key in found:
        raw = [time for own in times.get(key, {}).values() for time in own if plausible(time)]
        if len(raw) > 1:
            rows.append((words.values(held), _thinned(raw), colour(slot(view.sweep, held))))
    if not rows:
        return []
    names, kept, inks = zip(*rows, strict=True)
    return [rounds(names, kept, inks, "every round", fit_id(f"{view.key}-samples"))]


def _thinned(raw: Sequence[float]) -> Sequence[float]:
    """At most MOST_DOTS of them, evenly over the rounds."""
    if len(raw) <= MOST_DOTS:
        return raw
    return [raw[int(index)] for index in np.linspace(0, len(raw) - 1, MOST_DOTS)]


TOPIC = Topic(blocks=blocks)
