"""Where one family of networks becomes faster than another along a swept number: the answer in sentences, every comparison in a table."""

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.crossing import Crossing, Meeting, crossings, each
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import comparatives, words
from rnnbench.reports.draw.panels import slot
from rnnbench.reports.sentences import markup
from rnnbench.reports.table import Cell, Table
from rnnbench.reports.topics.lead import context
from rnnbench.reports.topics.topic import Block, Sentence, Topic, View

MOST_ROWS = 24
MOST_COLUMNS = 8
IN_HEADLINE = 2
NOTE = (
    "Speed-up over the fastest {} at the same {}: 2× is twice as fast. Ranges combine the 95 % confidence intervals of both medians."
    " A tint marks a clear difference. A crossing lies somewhere between two measured values."
)


def sentences(view: View) -> Iterator[Sentence]:
    """Between which values each family becomes faster than the first, then by how much at the far end."""
    sweep = view.sweep
    found = _families(sweep)
    if not found:
        return
    where, anchor = context(sweep, {"variant": None} if sweep.hue == "variant" else {}), f"{view.key}-crossing"
    for part in filter(None, (found[:IN_HEADLINE], found[IN_HEADLINE:])):
        clauses = Markup("; ").join(_alike(part, sweep.x))
        yield Sentence(markup("Compared with <b>{}</b> in a {}, {}.", found[0].base, where, clauses), anchor, "answer")
    last = max(one.meetings[-1].x for one in found)
    ends = [one for one in found if one.meetings[-1].x == last]
    yield Sentence(markup("At {}, {}.", words.value(sweep.x, last), Markup("; ").join(map(_amount, ends))), anchor)


def crossing_of(sweep: Sweep, value: str, base: str) -> Markup | None:
    """Where a suite names no families: that one line clearly crosses another, once, and where; None where it does not."""
    found = crossings(sweep.lead.cases, sweep.x, sweep.hue, {base: (base,), value: (value,)}) if sweep.numeric else []
    turned = found and len(found[0].turns) == 1
    return markup("<b>{}</b> crosses {}: it is {}.", value, base, _where(found[0], sweep.x)) if turned else None


def blocks(view: View) -> Iterator[Block]:
    """Every value against the fastest of the first family, at each x."""
    sweep = view.sweep
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
    title = f"Speed-up over {base}, by {words.axis(sweep.x)}" + (f": {held}" if held else "")
    table = Table(title, heads, rows, NOTE.format(base, words.axis(sweep.x)))
    yield Block(f"{view.key}-families", tables=[(f"{view.key}-crossing", table)])


def _families(sweep: Sweep) -> list[Crossing]:
    return crossings(sweep.lead.cases, sweep.x, sweep.hue, sweep.families) if sweep.families and sweep.numeric else []


def _alike(found: Sequence[Crossing], x: str) -> Iterator[Markup]:
    """Each family with its finding; families with the same finding share a clause."""
    groups: dict[Markup, list[str]] = {}
    for one in found:
        groups.setdefault(_where(one, x), []).append(one.family)
    for what, names in groups.items():
        yield markup("<b>{}</b> {} {}", words.joined(names), "is" if len(names) == 1 else "are each", what)


def _where(one: Crossing, x: str) -> Markup:
    """Where it is faster and where slower: the measured values on either side of the turn, else where it is clear and no more."""
    all_x, clear, turns = one.meetings, one.told, one.turns
    span = words.value(x, all_x[-1].x) if len(all_x) == 1 else f"{units.plain(all_x[0].x)} to {words.value(x, all_x[-1].x)}"
    if not clear:
        return markup("indistinguishable from it, {}", span)
    if len(turns) > 1:
        return markup("faster at {}, slower at {}", *(_places(clear, x, way) for way in (1, -1)))
    if turns:
        low, high = turns[0]
        before, after = ("slower", "faster") if clear[-1].verdict > 0 else ("faster", "slower")
        up_to = "up to" if all(one.verdict for one in all_x if one.x <= low) else "at"
        since = "from" if all(one.verdict for one in all_x if one.x >= high) else "at"
        return markup("{} {} <b>{}</b> and {} {} <b>{}</b>", before, up_to, units.plain(low), after, since, words.value(x, high))
    return _one_way(all_x, clear, span)


def _one_way(all_x: Sequence[Meeting], clear: Sequence[Meeting], span: str) -> Markup:
    """Always faster, or always slower, as far as the data show."""
    way = "faster" if clear[0].verdict > 0 else "slower"
    if len(clear) == len(all_x):
        return markup("{} <b>wherever measured</b>, {}", way, span)
    at = words.joined([units.plain(one.x) for one in clear])
    return markup("{} at <b>{}</b> and indistinguishable elsewhere from {}", way, at, span)


def _places(clear: Sequence[Meeting], x: str, way: int) -> str:
    """Where it is so: "64, 256 and 2,048 time steps"."""
    at = [one.x for one in clear if one.verdict == way]
    return words.joined([*map(units.plain, at[:-1]), words.value(x, at[-1])])


def _amount(found: Crossing) -> Markup:
    one = found.meetings[-1]
    ends = comparatives.speed_interval(one.ratio, one.low, one.high)
    return markup("<b>{}</b> is <b>{}</b> than {}{}", _member(one.member, found.family), comparatives.speed(one.ratio),
               _member(one.base, found.base), markup(" <i>({})</i>", ends) if ends else "")  # fmt: skip


def _member(name: str, family: str) -> str:
    """A variant, and its family where the name does not say it: "min_gru (recurrence)"."""
    return name if name.replace("_", " ") == family else f"{name} ({family})"


def _cell(one: Meeting | None) -> Cell:
    if one is None:
        return Cell(units.NONE)
    ends = units.factors(1 / one.high, 1 / one.low) if one.low is not None and one.high is not None else ""
    return Cell(units.factor(1 / one.ratio), ends, tint=max(-1.0, min(1.0, -math.log2(one.ratio) / 2)) if one.verdict else None)


TOPIC = Topic(sentences, blocks)
