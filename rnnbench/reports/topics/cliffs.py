"""Cliffs: where a slightly larger size changes the cost per FLOP abruptly, in sentences and charts along fine sweeps."""

from collections.abc import Iterator
from functools import partial

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.cliffs import Series, aligned, bargain, cliffs, series
from rnnbench.reports import comparatives, words
from rnnbench.reports.draw.cliff_chart import cliff_chart
from rnnbench.reports.draw.panels import Panel
from rnnbench.reports.sentences import markup
from rnnbench.reports.topics.topic import Block, Sentence, Topic, View, fit_id

MOST_CLIFFS = 2


def sentences(view: View) -> Iterator[Sentence]:
    """Larger sizes that are faster first, then sizes that fit the library's blocks, then cliffs, each with the kernels on its two sides."""
    for text in _sentences(list(series(view.sweep.cases))):
        yield Sentence(text, f"{view.key}-cliffs", "answer")


def _sentences(found: list[Series]) -> Iterator[Markup]:
    for one in found:
        if best := bargain(one):
            larger = words.value(one.axis, best.more)
            smaller = units.plain(best.less) if one.axis == "hidden_size" else words.value(one.axis, best.less)
            times = units.show("step_time_s", best.more_s), units.show("step_time_s", best.less_s)
            verb = "is" if one.axis == "hidden_size" else "are"
            yield markup("<b>{} {} faster than {}</b>: {} against {}{}{}.", words.capitalized(larger), verb,
                      smaller, *times, _context(one), _single_process(one))  # fmt: skip
    for one in found:
        if block := aligned(one):
            yield markup("Per FLOP, a {} divisible by <b>{}</b> is <b>{}</b> than others <i>({} sizes against {})</i>{}{}.",
                      words.axis(one.axis), block.block, comparatives.speed(block.ratio), block.multiples, block.others, _context(one),
                      _kernels(block.kernels))  # fmt: skip
    for one in found:
        for cliff in sorted(cliffs(one), key=lambda each: -abs(each.ratio - 1))[:MOST_CLIFFS]:
            yield markup("From {} to {}, a step becomes <b>{}</b> per FLOP{}{}.", words.value(one.axis, cliff.before),
                      units.plain(cliff.after), comparatives.speed(cliff.ratio), _context(one), _kernels(cliff.kernels))  # fmt: skip
    if found and not any(bargain(one) or aligned(one) or cliffs(one) for one in found):
        yield markup("No cliff in {}: the cost per FLOP changes smoothly.", words.count(len(found), "fine sweep"))


def blocks(view: View) -> Iterator[Block]:
    """The cost per FLOP along each finely swept size."""
    if any(True for _ in series(view.sweep.cases)):
        note = "Median step time ÷ FLOPs of the step. A dashed line marks a cliff."
        yield Block(f"{view.key}-cliffs", "Cost per FLOP", note, draw=partial(_panels, view))


def _panels(view: View) -> list[Panel]:
    """A chart for each axis, a line for each kind of case."""
    by_axis: dict[str, list[Series]] = {}
    for one in series(view.sweep.cases):
        by_axis.setdefault(one.axis, []).append(one)
    return [cliff_chart(axis, found, fit_id(f"{view.key}-cliffs-{axis}")) for axis, found in by_axis.items()]


def _context(one: Series) -> Markup:
    """What the sweep holds, where a suite varies it."""
    noted = words.values(dict(one.held))
    return markup(" ({})", noted) if noted else markup("")


def _single_process(one: Series) -> Markup:
    """A difference between single processes is a hint, not a finding."""
    return markup(" <i>(one process each: confirm with --processes 5)</i>") if one.alone else markup("")


def _kernels(kernels: tuple[tuple[str, ...], tuple[str, ...]]) -> Markup:
    """The kernels on either side, where they are known; alike or not."""
    before, after = kernels
    if not before or not after:
        return markup("")
    if before == after:
        return markup("; both use <code>{}</code>", ", ".join(before))
    return markup("; <code>{}</code> before, <code>{}</code> after", ", ".join(before), ", ".join(after))


TOPIC = Topic(sentences, blocks)
