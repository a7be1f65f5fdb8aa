"""Which pictures answer a suite's question: scaling or bars, what time and memory are made of, and the raw samples."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnbench.analysis.sweep import Sweep
from rnnbench.record import MEMORY, METRICS, PARTS
from rnnbench.reports import words
from rnnbench.reports.bars import bars, samples, stack
from rnnbench.reports.efficiency import efficiency_panels
from rnnbench.reports.ledges import ledge_panels
from rnnbench.reports.palette import slots
from rnnbench.reports.panels import SIZE, Panel, colour, slot
from rnnbench.reports.roof import roofline
from rnnbench.reports.scaling import scaling
from rnnbench.roofline import Ceilings

MOST_PANELS = 8
MOST_BARS = 12
MOST_SAMPLED = 48
MOST_DOTS = 400
_METRICS = ("step_time_s", "tokens_per_s", "activation_bytes", "peak_allocated_bytes")


@dataclass(frozen=True, slots=True)
class Group:
    """Panels under one heading. `legend` pairs a name with the slot of its colour."""

    anchor: str
    heading: str
    panels: Sequence[Panel]
    note: str = ""
    legend: Sequence[tuple[str, int]] = ()
    wide: bool = False


def main_panel(sweep: Sweep) -> Panel | None:
    """Step time against the swept axis in the headline's slice: the picture beside the answer."""
    cases = sweep.slices()[0].cases
    if len(cases) < 2:
        return None  # a lonely bar says no more than its number
    return _draw(sweep, cases, sweep.metric, f"{sweep.key}-main", (5.6, 3.7))


def groups(sweep: Sweep, times_s: Mapping[tuple[str, str], Sequence[float]], ceilings: Ceilings | None = None) -> list[Group]:
    """Every further figure of a suite. `times_s` holds the raw samples by run and case id."""
    found = (_efficiency(sweep), _cliffs(sweep), _scaling(sweep), _made_of(sweep), _roofline(sweep, ceilings), _samples(sweep, times_s))
    return [group for some in found for group in some]


def _cliffs(sweep: Sweep) -> Iterator[Group]:
    """The cost of a FLOP along finely swept sizes."""
    panels = list(ledge_panels(sweep, _ident(f"{sweep.key}-cliffs")))
    if panels:
        note = "Median step time ÷ FLOPs of the step. A broken line marks where it steps."
        yield Group(f"{sweep.key}-cliffs", "Where the cost of a FLOP steps", panels, note)


def _efficiency(sweep: Sweep) -> Iterator[Group]:
    """What several processes make of one process's throughput."""
    panels = list(efficiency_panels(sweep, _ident(f"{sweep.key}-efficiency")))
    if panels:
        note = "Tokens per second ÷ (processes × those of one process). Bars reach as far as the medians' own 95 % intervals do."
        yield Group(f"{sweep.key}-efficiency", "How well the processes are used", panels, note)


def _roofline(sweep: Sweep, ceilings: Ceilings | None) -> Iterator[Group]:
    """How near to the machine's limits the cases come."""
    panel = roofline(sweep, ceilings, _ident(f"{sweep.key}-roofline")) if ceilings else None
    if panel:
        yield Group(f"{sweep.key}-roofline", "How near to the machine's limits", [panel], panel.says, wide=True)


def _draw(sweep: Sweep, cases: Any, metric: str, ident: str, size: tuple[float, float] = SIZE) -> Panel | None:
    draw = scaling if sweep.numeric else bars
    return draw(sweep, cases, metric, _ident(ident), size)


def _ident(text: str) -> str:
    """Fit for an id in XML."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)[:60]


def _scaling(sweep: Sweep) -> Iterator[Group]:
    """Time, throughput and memory against x, one group for each slice that is shown."""
    shown = sweep.slices() if len(sweep.cases) > 1 else []
    for number, part in enumerate(shown):
        drawn = [metric for metric in dict.fromkeys((sweep.metric, *_METRICS)) if number or metric != sweep.metric]
        panels = [_draw(sweep, part.cases, metric, f"{sweep.key}-{number}-{metric}") for metric in drawn]
        kept = [panel for panel in panels if panel]
        if kept:
            heading = f"Against {words.axis(sweep.x)}" + (f": {words.values(part.held)}" if part.held else "")
            yield Group(f"{sweep.key}-scaling-{number}", heading, kept, _how(sweep) if number == 0 else "")
    left = len(sweep.cases.groupby(list(sweep.facets), dropna=False)) - len(shown) if sweep.facets else 0
    if left > 0:
        yield Group(
            f"{sweep.key}-left",
            "",
            [],
            f"{words.count(left, 'further combination')} of {', '.join(map(words.axis, sweep.facets))}: see the table of cases.",
        )


def _how(sweep: Sweep) -> str:
    if not sweep.numeric:
        return "Bars are medians over rounds; the dark whisker is their 95 % interval."
    return (
        "Points are medians over rounds with their 95 % interval; the curve is the fitted line or power law, "
        "drawn only where every point lies within 10 % of it, otherwise points are joined. × marks a case that failed."
    )


def _made_of(sweep: Sweep) -> Iterator[Group]:
    """What the time and the memory of the headline's cases are made of."""
    for parts, heading, name in ((PARTS, "Where the time goes", "parts"), (MEMORY, "What holds the memory", "memory")):
        cases = sweep.lead.cases
        cases = cases[(cases["status"] != "ok") | cases[list(parts)].notna().any(axis=1)]
        used = [part for part in parts if (cases[part] > 0).any()]
        if len(used) < 2:
            continue
        largest = float(cases[used].fillna(0).sum(axis=1).max())
        panels = []
        for number, (which, found) in enumerate(sweep.lines(cases)):
            rows = found.head(MOST_BARS)
            labels = [words.short(sweep.x, value) if which else words.value(sweep.x, value) for value in rows[sweep.x]]
            if (rows["status"] != "ok").all():
                continue
            named = {axis: value for axis, value in which.items() if axis == sweep.hue}
            title = f"{words.values(named) or words.value('variant', rows['variant'].iloc[0])}, by {words.axis(sweep.x)}"
            panels.append(stack(rows, labels, used, title, _ident(f"{sweep.key}-{name}-{number}"), largest))
        held = words.values(sweep.lead.held)
        legend = [(METRICS[part].label.removesuffix(" time").removesuffix(" memory"), slots(used)[part]) for part in used]
        cut = "" if len(panels) <= MOST_PANELS else f"The first {MOST_PANELS} of {len(panels)} lines; all are in the table of cases."
        yield Group(f"{sweep.key}-{name}", heading + (f": {held}" if held else ""), panels[:MOST_PANELS], cut, legend)


def _samples(sweep: Sweep, times_s: Mapping[tuple[str, str], Sequence[float]]) -> Iterator[Group]:
    """The raw rounds of the headline's cases."""
    found = []
    for which, rows in sweep.lines(sweep.lead.cases):
        for run, name, x in zip(rows["run"], rows["id"], rows[sweep.x], strict=True):
            raw = times_s.get((run, name), ())
            if len(raw) > 1:
                held = {**{axis: value for axis, value in which.items() if axis == sweep.hue}, sweep.x: x}
                found.append((words.values(held), _thinned(raw), colour(slot(sweep, held))))
    if found:
        names, times, inks = zip(*found[:MOST_SAMPLED], strict=True)
        panel = samples(names, times, inks, "every round", _ident(f"{sweep.key}-samples"))
        cut = "" if len(found) <= MOST_SAMPLED else f" The first {MOST_SAMPLED} of {len(found)} cases."
        yield Group(f"{sweep.key}-samples", "How steady the rounds were", [panel], panel.says + cut, wide=True)


def _thinned(raw: Sequence[float]) -> Sequence[float]:
    """At most so many dots a case, evenly over the rounds."""
    if len(raw) <= MOST_DOTS:
        return raw
    return [raw[int(index)] for index in np.linspace(0, len(raw) - 1, MOST_DOTS)]
