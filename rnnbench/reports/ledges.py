"""Cliffs in a report: what the fine sweeps of a suite show, in sentences, and the cost of a FLOP along them."""

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.cliffs import Series, aligned, bargain, cliffs, series
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import words
from rnnbench.reports.palette import MUTED, slots
from rnnbench.reports.panels import SIZE, TICK, Panel, colour, cut
from rnnbench.reports.saying import say
from rnnbench.reports.svg import drawing, to_svg

MOST_CLIFFS = 2
_PER_S = 1e12  # picoseconds


def sentences(sweep: Sweep) -> Iterator[Markup]:
    """Bargains first, then sizes that fit the library's blocks, then steps, each with the kernels of its two sides."""
    found = list(series(sweep.cases))
    for one in found:
        if best := bargain(one):
            sizes = (words.value(one.axis, best.more), units.plain(best.less)) if one.axis == "hidden_size" else (
                words.value(one.axis, best.more), words.value(one.axis, best.less))  # fmt: skip
            times = (units.show("step_time_s", best.more_s), units.show("step_time_s", best.less_s))
            verb = "costs" if one.axis == "hidden_size" else "cost"
            yield say("<b>{} {} less than {}</b>: {} against {}{}{}.", _upper(sizes[0]), verb, sizes[1], *times, _context(one), _alone(one))
    for one in found:
        if block := aligned(one):
            yield say(
                "A {} that is a multiple of <b>{}</b> takes <b>{}</b> the time of a FLOP at others <i>({} sizes against {})</i>{}{}.",
                words.axis(one.axis), block.block, units.factor(block.ratio), block.multiples, block.others, _context(one),
                _sides(block.kernels),
            )  # fmt: skip
    for one in found:
        for cliff in sorted(cliffs(one), key=lambda each: -abs(each.ratio - 1))[:MOST_CLIFFS]:
            yield say(
                "From {} to {} a FLOP costs <b>{}</b> as much{}{}.",
                words.value(one.axis, cliff.before), units.plain(cliff.after), units.factor(cliff.ratio), _context(one),
                _sides(cliff.kernels),
            )  # fmt: skip
    if found and not any(bargain(one) or aligned(one) or cliffs(one) for one in found):
        yield say("No cliff was found in {}: the cost of a FLOP changes smoothly.", words.count(len(found), "fine sweep"))


def ledge_panels(sweep: Sweep, ident: str) -> Iterator[Panel]:
    """The cost of a FLOP along each finely swept size, a line for each kind of case, dotted where it steps."""
    by_axis: dict[str, list[Series]] = {}
    for one in series(sweep.cases):
        by_axis.setdefault(one.axis, []).append(one)
    for axis, found in by_axis.items():
        yield _panel(axis, found, f"{ident}-{axis}".replace("_", "-"))


def _panel(axis: str, found: list[Series], ident: str) -> Panel:
    names = [_name(one.held, axis) for one in found]
    places, said = slots(names), []
    with drawing(*SIZE) as figure:
        axes = figure.subplots()
        for name, one in zip(names, found, strict=True):
            axes.plot(one.values, one.costs * _PER_S, marker="o", markersize=3.2, linewidth=1.1, color=colour(places[name]))
            for cliff in cliffs(one):
                axes.axvline((cliff.before + cliff.after) / 2, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
            cheapest = int(one.values[one.costs.argmin()])
            said.append(f"{name}: least at {words.value(axis, cheapest)}, {words.count(len(cliffs(one)), 'step')}")
        axes.set_xlabel(words.axis(axis))
        axes.set_ylabel("time of a FLOP [ps]")
        for side in (axes.xaxis, axes.yaxis):
            side.set_major_formatter(TICK)
        axes.set_ylim(bottom=0)
        says = f"Seconds of a FLOP against {words.axis(axis)}. {'; '.join(said)}."
        legend = [(cut(name), places[name]) for name in names]
        return Panel(f"against {words.axis(axis)}", to_svg(figure, ident, says, legend), says, legend)


def _name(held: Mapping[str, Any], axis: str) -> str:
    told = {name: value for name, value in held.items() if name in ("run", "variant", "phase", "precision", "implementation", "execution")}
    return words.values(told) or words.axis(axis)


def _context(one: Series) -> Markup:
    """What the sweep holds, where a suite varies it."""
    noted = words.values(dict(one.held))
    return say(" ({})", noted) if noted else say("")


def _alone(one: Series) -> Markup:
    """What one process cannot tell of the next."""
    return say(" <i>(one process each: confirm with --processes 5)</i>") if one.alone else say("")


def _sides(kernels: tuple[tuple[str, ...], tuple[str, ...]]) -> Markup:
    """The kernels on either side, where they are known; alike or not."""
    before, after = kernels
    if not before or not after:
        return say("")
    if before == after:
        return say("; both by <code>{}</code>", ", ".join(before))
    return say("; <code>{}</code> before, <code>{}</code> after", ", ".join(before), ", ".join(after))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
