"""Where families of networks cross along a swept number: the answer in a sentence, and every meeting in a table."""

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.crossing import Crossing, Meeting, crossings, each
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import words
from rnnbench.reports.glance import Cell, Table
from rnnbench.reports.panels import slot
from rnnbench.reports.saying import say

MOST_ROWS = 24
MOST_COLUMNS = 8
IN_HEADLINE = 2
NOTE = (
    "Step time ÷ that of the cheapest {} at the same {}; small figures: as far as the medians' own 95 % intervals reach."
    " A tint: clearly cheaper or dearer. A crossing lies between two measured values; where in between was not measured."
)


def crossing_sentences(sweep: Sweep, where: Markup) -> Iterator[Markup]:
    """Between which values each family that the suite names gets cheaper than the first, then by how much at the far end."""
    found = _families(sweep)
    if not found:
        return
    for part in filter(None, (found[:IN_HEADLINE], found[IN_HEADLINE:])):
        yield say("Against <b>{}</b> in a {}, {}.", found[0].base, where, Markup("; ").join(_alike(part, sweep.x)))
    last = max(one.meetings[-1].x for one in found)
    ends = [one for one in found if one.meetings[-1].x == last]
    yield say("At {}, {}.", words.value(sweep.x, last), Markup("; ").join(_amount(one, first=not at) for at, one in enumerate(ends)))


def passes(sweep: Sweep, value: str, base: str) -> Markup | None:
    """Where a suite names no families: that one line clearly crosses another, once, and where; None where it does not."""
    found = crossings(sweep.lead.cases, sweep.x, sweep.hue, {base: (base,), value: (value,)}) if sweep.numeric else []
    return say("<b>{}</b> crosses {}: it is {}.", value, base, _told(found[0], sweep.x)) if found and len(found[0].turns) == 1 else None


def crossing_tables(sweep: Sweep) -> Iterator[tuple[str, Table]]:
    """Every value against the cheapest of the first family, at each x."""
    if not _families(sweep):
        return
    alone = crossings(sweep.lead.cases, sweep.x, sweep.hue, each(sweep.lead.cases, sweep.hue, sweep.families))
    xs = sorted({one.x for line in alone for one in line.meetings})
    shown = xs[:: -(-len(xs) // MOST_COLUMNS)]
    names = {member: name for name, members in sweep.families.items() for member in members}
    base = alone[0].base
    rows = []
    for line in alone[:MOST_ROWS]:
        at = {one.x: one for one in line.meetings}
        head = Cell(line.family, slot=slot(sweep, {sweep.hue: line.family}))
        rows.append([head, Cell(names.get(line.family, units.NONE)), *(_cell(at.get(x)) for x in shown)])
    heads = ("", "family", *(words.value(sweep.x, x) for x in shown))
    held = words.values(sweep.lead.held)
    title = f"Step time against {base}, by {words.axis(sweep.x)}" + (f": {held}" if held else "")
    yield f"{sweep.key}-crossing", Table(title, heads, rows, NOTE.format(base, words.axis(sweep.x)))


def _families(sweep: Sweep) -> list[Crossing]:
    return crossings(sweep.lead.cases, sweep.x, sweep.hue, sweep.families) if sweep.families and sweep.numeric else []


def _alike(found: Sequence[Crossing], x: str) -> Iterator[Markup]:
    """Each family with what is told of it, those of whom the same is told together."""
    told: dict[Markup, list[str]] = {}
    for one in found:
        told.setdefault(_told(one, x), []).append(one.family)
    for what, names in told.items():
        yield say("<b>{}</b> {} {}", words.joined(names), "is" if len(names) == 1 else "are each", what)


def _told(one: Crossing, x: str) -> Markup:
    """What may be said of where it gets cheaper: the measured values on either side of the turn, else where it is clear and no more."""
    all_x, told, turns = one.meetings, one.told, one.turns
    span = words.value(x, all_x[-1].x) if len(all_x) == 1 else f"{units.plain(all_x[0].x)} to {words.value(x, all_x[-1].x)}"
    if not told:
        return say("too near to tell from it, {}", span)
    if len(turns) > 1:
        return say("cheaper at {}, dearer at {}", *(_places(told, x, way) for way in (1, -1)))
    if turns:
        low, high = turns[0]
        before, after = ("dearer", "cheaper") if told[-1].verdict > 0 else ("cheaper", "dearer")
        up_to = "up to" if all(one.verdict for one in all_x if one.x <= low) else "at"
        since, on = ("from", " on") if all(one.verdict for one in all_x if one.x >= high) else ("at", "")
        return say("{} {} <b>{}</b> and {} {} <b>{}</b>{}", before, up_to, units.plain(low), after, since, words.value(x, high), on)
    return _one_way(all_x, told, span)


def _one_way(all_x: Sequence[Meeting], told: Sequence[Meeting], span: str) -> Markup:
    """Always cheaper, or always dearer, as far as it can be told."""
    cheaper = told[0].verdict > 0
    way = "cheaper" if cheaper else "dearer"
    if len(told) == len(all_x):
        return say("{} <b>wherever measured</b>, {}", way, span)
    return say("{} at <b>{}</b> and too near to tell elsewhere from {}", way, words.joined([units.plain(one.x) for one in told]), span)


def _places(told: Sequence[Meeting], x: str, way: int) -> str:
    """Where it is so: "64, 256 and 2,048 time steps"."""
    at = [one.x for one in told if one.verdict == way]
    return words.joined([*map(units.plain, at[:-1]), words.value(x, at[-1])])


def _amount(found: Crossing, *, first: bool) -> Markup:
    one = found.meetings[-1]
    ends = say(" <i>({})</i>", units.factors(one.low, one.high)) if one.low is not None and one.high is not None else say("")
    base = f" the time of {_member(one.base, found.base)}" if first else ""
    return say(
        "<b>{}</b> {}<b>{}</b>{}{}", _member(one.member, found.family), "takes " if first else "", units.factor(one.ratio), base, ends
    )


def _member(name: str, family: str) -> str:
    """A variant, and of which family where its name does not say it: "min_gru (recurrence)"."""
    return name if name.replace("_", " ") == family else f"{name} ({family})"


def _cell(one: Meeting | None) -> Cell:
    if one is None:
        return Cell(units.NONE)
    ends = units.factors(one.low, one.high) if one.low is not None and one.high is not None else ""
    return Cell(units.factor(one.ratio), ends, tint=max(-1.0, min(1.0, -math.log2(one.ratio) / 2)) if one.verdict else None)
