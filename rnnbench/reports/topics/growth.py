"""What one more of the swept axis costs: sentences from fits, charts of time, throughput and memory, and a table of the fits."""

import math
from collections.abc import Iterator
from functools import partial

import pandas as pd
from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.growth import Growth, growth, rises
from rnnbench.analysis.sweep import Slice, Sweep
from rnnbench.case import AXES
from rnnbench.reports import comparatives, words
from rnnbench.reports.draw.panels import Panel
from rnnbench.reports.sentences import markup
from rnnbench.reports.topics.cost_charts import HERO, captioned, cost_charts, cost_panel, glance
from rnnbench.reports.topics.lead import context, lead_rows
from rnnbench.reports.topics.topic import Block, Sentence, Topic, View

SMALLEST_STEP = 1.5  # of x, from which on it may be extrapolated to a doubling
_COUNTED = {"depth": "number of layers", "seq_len": "sequence length", "batch_size": "batch"}


def sentences(view: View) -> Iterator[Sentence]:
    """What one more of x costs, as far as a fit may be quoted."""
    sweep = view.sweep
    if not sweep.numeric or sweep.x == "processes":  # what processes gain has a topic of its own
        return
    which, rows = lead_rows(sweep)
    time = growth(rows, sweep.x, "step_time_s")
    if time is None:
        return
    where = context(sweep, {axis: value for axis, value in which.items() if axis == sweep.hue})
    anchor = f"{sweep.key}-scaling"
    if sweep.x == "batch_size" and rows["tokens_per_s"].notna().any():
        yield Sentence(_throughput(rows, where), anchor, "answer")
    yield Sentence(_cost(sweep.x, time, growth(rows, sweep.x, "activation_bytes"), where), anchor, "answer")
    if (law := time.doubling) and time.power and time.each and sweep.x in _COUNTED:
        yield Sentence(
            markup("Doubling the {} takes <b>{}</b> as long <i>(95 % CI {})</i>: time grows as {}<sup>{}</sup>.", _COUNTED[sweep.x],
                units.factor(law[0]), units.factors(*law[1:]), words.axis(sweep.x), units.exponent(time.power.value)),
            anchor,
        )  # fmt: skip


def _throughput(rows: pd.DataFrame, where: Markup) -> Markup:
    """The best batch, and the smallest that comes near it."""
    fine = rows[rows["tokens_per_s"].notna()]
    best = fine.sort_values("tokens_per_s").iloc[-1]
    near = fine[fine["tokens_per_s"] >= 0.95 * best["tokens_per_s"]].sort_values("batch_size").iloc[0]
    text = markup("A {} reaches its highest throughput, <b>{}</b>, at a batch of <b>{}</b>", where,
               units.rate("tokens_per_s", best["tokens_per_s"]), best["batch_size"])  # fmt: skip
    if near["batch_size"] == best["batch_size"]:
        return text + "; no smaller batch comes within 5 % of it."
    share = near["activation_bytes"] / best["activation_bytes"]
    kept = markup(" and uses <b>{}</b>", comparatives.amount(share, "activation memory")) if pd.notna(share) else markup("")
    return text + markup("; a batch of <b>{}</b> comes within 5 % of it{}.", near["batch_size"], kept)


def _cost(x: str, time: Growth, memory: Growth | None, where: Markup) -> Markup:
    """The headline, in the strongest form that the points allow: per unit, per doubling, or merely from where to where."""
    kept = memory.each if memory is not None else None
    extra = markup(" and <b>{}</b> of activation memory", units.binary_bytes(kept.value)) if kept else ""
    if (each := time.each) and x in _COUNTED:
        slope, ends = units.show("step_time_s", each.value), units.spread("step_time_s", each.low, each.high)
        if each.low <= 0 <= each.high:
            return markup("An additional {} adds no clear time to a {} <i>(95 % CI {})</i>{}.", words.one(x), where, ends,
                       extra and markup("; it adds") + extra.removeprefix(" and"))  # fmt: skip
        return markup("Each additional {} adds <b>{}</b> <i>(95 % CI {})</i>{} to a {}.", words.one(x), slope, ends, extra, where)
    if law := time.doubling:
        return markup("Doubling the {} makes a {} take <b>{}</b> as long <i>(95 % CI {})</i>.",
                   _COUNTED.get(x, words.axis(x)), where, units.factor(law[0]), units.factors(*law[1:]))  # fmt: skip
    return _ends(x, time, where)


def _ends(x: str, time: Growth, where: Markup) -> Markup:
    """From where to where, and where the curve bends."""
    (first, before), (last, after) = time.points[0], time.points[-1]
    sure = markup(", 95 % CI {}", units.factors(*time.total_ends)) if time.total_ends else ""
    times = units.show("step_time_s", before), units.show("step_time_s", after)
    total = markup("<b>{}</b> as long{}", units.factor(time.total), sure) if time.total >= 1 else markup(
        "<b>{}</b>{}", comparatives.speed(time.total),
        f", 95 % CI {comparatives.speed_interval(time.total, *time.total_ends)}" if time.total_ends else "")  # fmt: skip
    (low, high) = _range(x, first, last)
    if bent := _bent(x, time):
        return markup("An additional {} adds {} to a {}, which takes {} at {} and {} at {} <i>({})</i>.", words.one(x), bent, where,
                   times[0], low, times[1], high, total)  # fmt: skip
    ends = markup("A {} takes {} at {} and {} at {}: {}.", where, times[0], low, times[1], high, total)
    steps = [step for step in rises(time) if step[0] > 0]
    if len(steps) < 2:
        return ends
    doubled = all(later >= SMALLEST_STEP * earlier for earlier, later, _ in (steps[0], steps[-1]))
    bends = [word for step in (steps[0], steps[-1]) for word in _bend(*step, doubled=doubled)]
    what = f"a doubling takes {bends[2]} as long between {bends[0]} and {bends[1]}" if doubled else (
        f"time grows {bends[2]} between {bends[0]} and {bends[1]}")  # fmt: skip
    return ends + markup(" Growth is uneven: {}, but {} between {} and {}.", what, bends[5], bends[3], bends[4])


def _bent(x: str, time: Growth) -> Markup | None:
    """What one more of a counted axis costs at the beginning and at the end, where it is not the same; None where that is no cost."""
    (a, at_a), (b, at_b) = time.points[:2]
    (c, at_c), (d, at_d) = time.points[-2:]
    surely = all(later[0] > before[1] for before, later in (time.ends[:2], time.ends[-2:]))
    if x not in _COUNTED or len(time.points) < 3 or not surely:
        return None
    first, last = (units.show("step_time_s", one) for one in ((at_b - at_a) / (b - a), (at_d - at_c) / (d - c)))
    return markup("<b>{}</b> between {} and {} and <b>{}</b> between {} and {}", first, units.plain(a), words.value(x, b), last,
               units.plain(c), units.plain(d))  # fmt: skip


def _bend(low: float, high: float, rise: float, *, doubled: bool) -> tuple[str, str, str]:
    """From where to where, and the rise there, scaled to a doubling where steps of unlike width are compared."""
    return units.plain(low), units.plain(high), units.factor(rise ** (1 / math.log2(high / low)) if doubled else rise)


def _range(x: str, first: float, last: float) -> tuple[str, str]:
    """The ends of a sweep: ("1 layer", "8 layers"), ("hidden size 64", "1,024")."""
    return words.value(x, first), words.value(x, last) if AXES[x].unit else units.plain(last)


def fallback(view: View) -> Iterator[Sentence]:
    """Where no topic has anything to say: one measured case, or how many there are."""
    fine = view.sweep.cases[view.sweep.cases["status"] == "ok"]
    if fine.empty:
        yield Sentence(markup("No case of this suite was measured."), "cases", "answer")
        return
    row = fine.iloc[0]
    ends = ""
    if pd.notna(row["step_time_low"]):
        kind = "95 % CI" if row["step_time_coverage"] >= 0.95 else "range"
        ends = f" ({kind} {units.spread('step_time_s', row['step_time_low'], row['step_time_high'])})"
    thing, time = f"{words.step(row['phase'])} of {row['variant']}", units.show("step_time_s", row["step_time_s"])
    more = f" {words.count(len(fine) - 1, 'other case')} below." if len(fine) > 1 else ""
    yield Sentence(markup("A {} takes <b>{}</b>{}.{}", thing, time, ends, more), f"{view.key}-scaling", "answer")


def main(view: View) -> Block | None:
    """The suite's metric against the swept axis in the headline's slice, and its table."""
    shown = view.sweep.slices()
    if not shown:
        return None
    first = shown[0]
    table = glance(view.sweep, first)
    tables = [(f"{view.key}-glance-0", table)] if table else []
    return Block(f"{view.key}-main", tables=tables, draw=partial(_main_panels, view, first))


def _main_panels(view: View, first: Slice) -> list[Panel]:
    if len(first.cases) < 2:
        return []  # a lonely bar description no more than its number
    panel = cost_panel(view.sweep, first.cases, view.metric, f"{view.key}-main", HERO)
    return [panel] if panel else []


def blocks(view: View) -> Iterator[Block]:
    """Time, throughput and memory against x, one block for each slice that is shown."""
    sweep = view.sweep
    shown = sweep.slices() if len(sweep.cases) > 1 else []
    for number, part in enumerate(shown):
        table = glance(sweep, part) if number else None
        anchor = f"{sweep.key}-scaling-{number}"
        yield Block(
            anchor,
            captioned(sweep, part),
            _how(sweep) if number == 0 else "",
            tables=[(f"{anchor}-glance", table)] if table else [],
            draw=partial(cost_charts, sweep, part, number, view.metric),
        )
    left = len(sweep.cases.groupby(list(sweep.facets), dropna=False)) - len(shown) if sweep.facets else 0
    if left > 0:
        facets = ", ".join(map(words.axis, sweep.facets))
        yield Block(f"{sweep.key}-left", note=f"{words.count(left, 'more combination')} of {facets}: see the table of cases.")


def _how(sweep: Sweep) -> str:
    if not sweep.numeric:
        return "Bars are medians; the dark whisker is the 95 % confidence interval."
    return (
        "Points are medians with 95 % confidence intervals. The curve is the fitted line or power law where every point lies within 10 %"
        " of it; otherwise the points are joined. × marks a failed case."
    )


TOPIC = Topic(sentences, blocks, main)
