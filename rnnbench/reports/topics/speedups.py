"""How each value of a varied category compares with its baseline: sentences over all matched pairs, and matrices of speed-ups."""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.fit import Contrast, contrast, in_order, ratios, same, where
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import comparatives, words
from rnnbench.reports.sentences import markup
from rnnbench.reports.table import Cell, Table
from rnnbench.reports.topics.cost_charts import CI
from rnnbench.reports.topics.crossings import crossing_of
from rnnbench.reports.topics.topic import Block, Sentence, Topic, View

MOST_CONTRASTS = 5
MOST_ROWS = 24
WAYS = ("precision", "implementation", "execution")
_CATEGORIES = ("variant", *WAYS, "bidirectional", "device")  # runs: see comparison.py
_ALIKE = 0.05  # ratios that all lie within this of 1 are called alike


def sentences(view: View) -> Iterator[Sentence]:
    """Each value against its baseline: the swept axis first, then the hue, then the rest."""
    sweep = view.sweep
    axes = [axis for axis in dict.fromkeys((sweep.x, sweep.hue, *_CATEGORIES)) if axis in _CATEGORIES and axis in sweep.varying]
    elsewhere = {sweep.hue if sweep.families else "", sweep.x if view.metric == "beside_ratio" else ""}  # in crossings, in a ranking
    axes = [axis for axis in axes if axis not in elsewhere]
    matrices = {axis for axis, _ in _matrices(sweep) if axis in axes}
    first = not sweep.numeric
    for axis in axes:
        anchor = f"{sweep.key}-{f'matrix-{axis}' if axis in matrices else 'scaling'}"
        for text in _against_baseline(sweep, axis):
            yield Sentence(text, anchor, "answer" if first and axis == sweep.x else "finding")
            first = False


def _against_baseline(sweep: Sweep, axis: str) -> Iterator[Markup]:
    base = sweep.baseline(axis)
    against = [(value, contrast(sweep.cases, axis, value, base)) for value in sweep.values(axis) if value != base]
    for value, found in [(value, found) for value, found in against if found is not None][:MOST_CONTRASTS]:
        name, other = words.subject(axis, value), words.subject(axis, base)
        kept = contrast(sweep.cases, axis, value, base, "activation_bytes") if axis != "device" else None
        crossed = crossing_of(sweep, value, base) if axis == sweep.hue and not found.clear else None
        parted = None if found.clear or crossed else apart_by(sweep.cases, "phase", axis, (value, base), (name, other))
        yield (crossed or parted or versus(name, other, found)) + memory_clause(kept)


def apart_by(cases: pd.DataFrame, by: str, axis: str, pair: tuple[Any, Any], names: tuple[str, str]) -> Markup | None:
    """A value of `axis` against its baseline at each phase or variant, as `by` says, where they disagree but one is clear; else None."""
    held = in_order(by, list(cases[by]))
    each = {one: contrast(cases[cases[by] == one], axis, *pair) for one in held}
    known = {_where(by, one): (found, found.low, found.high) for one, found in each.items() if found and found.low and found.high}
    if len(known) < 2 or not any(found.clear for found, _, _ in known.values()):
        return None
    clear = [
        markup("<b>{}</b> {} <i>({})</i>", comparatives.speed(found.ratio), place, comparatives.speed_interval(found.ratio, low, high))
        for place, (found, low, high) in known.items() if found.clear
    ]  # fmt: skip
    unclear = [
        markup("{} it ranges {}", place, comparatives.speed_range(low, high))
        for place, (found, low, high) in known.items()
        if not found.clear
    ]
    pairs = sum(found.pairs for found, _, _ in known.values())
    rest = markup("; inconclusive: {}", joined(unclear)) if unclear else markup("")
    return markup("Compared with {}, <b>{}</b> is {}{} <i>({})</i>.", names[1], names[0], joined(clear), rest, _pairs(pairs))


def _where(by: str, value: Any) -> str:
    return f"in a {words.step(value)}" if by == "phase" else f"for {words.value(by, value)}"


def joined(parts: list[Markup]) -> Markup:
    """a, b and c, as markup."""
    return parts[0] if len(parts) == 1 else Markup(", ").join(parts[:-1]) + " and " + parts[-1]


def memory_clause(found: Contrast | None) -> Markup:
    """How activation memory compares, where it differs at all."""
    if found is None or found.low is None or found.high is None or max(found.high - 1, 1 - found.low) < comparatives.SAME:
        return markup("")
    wide = found.high - found.low > 0.02
    ends = markup(" <i>({} across {})</i>", comparatives.amount_interval(found.low, found.high), _pairs(found.pairs)) if wide else ""
    return markup(" It uses <b>{}</b>{}.", comparatives.amount(found.ratio, "activation memory"), ends)


def versus(name: str, base: str, found: Contrast) -> Markup:
    """How a value compares with its baseline in step time."""
    if found.low is None or found.high is None:
        return markup("{} was {} than {}, in too few rounds for a confidence interval.", name, comparatives.speed(found.ratio), base)
    many = found.pairs > 1
    across = f" across {_pairs(found.pairs)}" if many else ""
    widest = max(found.high - 1, 1 - found.low)
    if widest <= _ALIKE and (many or not found.clear):
        return markup("{} and {} are within {} of each other{}.", name, base, comparatives.rounded(widest), across or f" ({found.level})")
    if found.clear:
        ends = comparatives.speed_interval(found.ratio, found.low, found.high)
        return markup("<b>{}</b> is <b>{}</b> than {} <i>({})</i>.", name, comparatives.speed(found.ratio), base,
                   f"{ends}{across}" if many else f"{found.level} {ends}")  # fmt: skip
    if found.low > 1 or found.high < 1:
        each = words.count(found.processes, "process", "processes") + (" each" if found.processes == 1 else " per side")
        return markup("{} is {} than {}, but with {} that is within the variation between processes.", name,
                   comparatives.speed(found.ratio), base, each)  # fmt: skip
    evidence = f"across {_pairs(found.pairs)}" if many else f"by its {found.level}"
    return markup("Inconclusive: {}, {} ranges {} than {}.", evidence, name, comparatives.speed_range(found.low, found.high), base)


def _pairs(number: int) -> str:
    return words.count(number, "matched pair")


def blocks(view: View) -> Iterator[Block]:
    """A matrix for each way to run the same network that was varied."""
    for axis, table in _matrices(view.sweep):
        yield Block(f"{view.key}-speedups-{axis}", tables=[(f"{view.key}-matrix-{axis}", table)])


def _matrices(sweep: Sweep) -> list[tuple[str, Table]]:
    found = [(axis, _matrix(sweep, axis)) for axis in WAYS]
    return [(axis, table) for axis, table in found if table is not None]


def _matrix(sweep: Sweep, axis: str) -> Table | None:
    """How many times as fast each value of `axis` is as its baseline, in the headline's slice: a matrix against x and hue."""
    if axis not in sweep.varying:
        return None
    base = sweep.baseline(axis)
    held = {name: sweep.baseline(name) for name in (sweep.style, *sweep.facets) if name and name != axis}
    cases = where(sweep.cases, held)
    across = sweep.x if sweep.x != axis else sweep.hue
    down = sweep.hue if sweep.hue not in (axis, across) else ""
    columns = sweep.values(across) if across else [None]
    rows = []
    for value in sweep.values(axis):
        if value == base:
            continue
        found = ratios(cases, axis, value, base)
        for group in sweep.values(down) if down else [None]:
            head = words.short(axis, value) + (f", {words.short(down, group)}" if down else "")
            part = found[same(found[down], group)] if down else found
            rows.append([Cell(head), *(_speed_up(part[same(part[across], column)] if across else part) for column in columns)])
    if not any(cell.tint is not None for row in rows for cell in row):
        return None
    heads = ["", *(words.value(across, column) for column in columns)] if across else ["", "speed-up"]
    noted = f" ({words.values(held)})" if held else ""
    return Table(f"Speed-up over {words.short(axis, base)}{noted}", heads, rows[:MOST_ROWS],
                 f"2× is twice as fast as {words.short(axis, base)}. {CI}")  # fmt: skip


def _speed_up(found: pd.DataFrame) -> Cell:
    if found.empty:
        return Cell(units.NONE)
    row = found.iloc[0]
    speed = 1 / row["ratio"]
    known = pd.notna(row["low"]) and pd.notna(row["high"])
    ends = units.factors(1 / row["high"], 1 / row["low"]) if known else ""
    return Cell(units.factor(speed), ends, tint=max(-1.0, min(1.0, math.log2(speed) / 2)))


TOPIC = Topic(sentences, blocks)
