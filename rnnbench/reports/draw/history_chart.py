"""A metric over time as a small hand-made SVG: fast enough for one page per case."""

from collections.abc import Callable, Iterator

from markupsafe import Markup, escape

from rnnbench import units
from rnnbench.gate.series import Point, Series
from rnnbench.record import METRICS
from rnnbench.reports import words

_Scale = Callable[[float], float]
WIDE, TALL, LEFT, TOP, BOTTOM = 900, 240, 76, 16, 34


def strip(one: Series) -> Markup:
    """Every run as a point with its interval, levels between changes as lines, failed runs as crosses."""
    by, unit = units.axis_scale(one.metric, max((point.value or 0) for point in one.points))
    low, high = _range(one)
    step = (WIDE - LEFT - 12) / max(1, len(one.points) - 1)

    def x(place: float) -> float:
        return LEFT + 6 + place * step if len(one.points) > 1 else (LEFT + WIDE) / 2

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (TALL - TOP - BOTTOM)

    marks = [*_ticks(low, high, by, y), *_levels(one, x, y), *_points(one, x, y)]
    ends = f'<text x="{LEFT}" y="{TALL - 8}">{_day(one.points[0])}</text>'
    if len(one.points) > 1:
        ends += f'<text x="{WIDE}" y="{TALL - 8}" text-anchor="end">{_day(one.points[-1])}</text>'
    head = f'<svg class="strip" viewBox="0 0 {WIDE} {TALL}" role="img" aria-label="{escape(description(one))}">'
    label = f'<text x="0" y="12">{escape(unit or METRICS[one.metric].label)}</text>'
    return Markup(head + label + "".join(marks) + ends + "</svg>")  # noqa: S704 - all that is data was escaped


def description(one: Series) -> str:
    """The picture in words."""
    found = one.measured
    first, last = found[0].value or 0, found[-1].value or 0
    if len(found) == 1:
        return f"{METRICS[one.metric].label}: {units.show(one.metric, last)}, in one run."
    lost = len(one.points) - len(found)
    changes = [f"{units.change(change.ratio)} at {_day(found[change.at])}" for change in one.changes]
    return (
        f"{METRICS[one.metric].label} over {words.count(len(found), 'run')}: {units.show(one.metric, first)} first,"
        f" {units.show(one.metric, last)} last. "
        + (f"Change points: {', '.join(changes)}." if changes else "No change point.")
        + (f" Pending: {units.change(one.pending.ratio)} from {_day(found[one.pending.at])} on." if one.pending else "")
        + (f" {words.count(lost, 'run')} without a figure." if lost else "")
        + (f" Corrected for machine drift, from {words.visible(one.canary)}." if one.canary else "")
        + (f" {words.count(one.left_out, 'older run')} not shown." if one.left_out else "")
    )


def _range(one: Series) -> tuple[float, float]:
    """What the axis spans: every point, and intervals as far as they do not dwarf the points."""
    values = [point.value for point in one.measured if point.value is not None]
    low, high = min(values), max(values)
    room = max(high - low, 0.02 * abs(high), 1e-12)
    lows = [point.low for point in one.points if point.low is not None and point.low > low - room]
    highs = [point.high for point in one.points if point.high is not None and point.high < high + room]
    return min([low, *lows]) - 0.08 * room, max([high, *highs]) + 0.08 * room


def _ticks(low: float, high: float, by: float, y: _Scale) -> Iterator[str]:
    for share in (0.1, 0.5, 0.9):
        value = low + share * (high - low)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDE}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{units.digits(value / by)}</text>'


def _levels(one: Series, x: _Scale, y: _Scale) -> Iterator[str]:
    """The level of each stretch, and a mark with the size of each change."""
    if not one.changes:
        return
    found = [place for place, point in enumerate(one.points) if point.value is not None]
    bounds = [0, *(change.at for change in one.changes), len(found)]
    levels = [one.changes[0].before, *(change.after for change in one.changes)]
    for level, start, end in zip(levels, bounds, bounds[1:], strict=False):
        yield f'<line class="level" x1="{x(found[start]):.1f}" x2="{x(found[end - 1]):.1f}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>'
    for change in one.changes:
        middle = (x(found[change.at]) + x(found[change.at - 1])) / 2
        yield f'<line class="change" x1="{middle:.1f}" x2="{middle:.1f}" y1="{TOP}" y2="{TALL - BOTTOM}"/>'
        yield f'<text class="change" x="{middle + 4:.1f}" y="{TOP + 2}">{units.change(change.ratio)}</text>'


def _points(one: Series, x: _Scale, y: _Scale) -> Iterator[str]:
    for place, point in enumerate(one.points):
        tip = f"<title>{escape(_tip(point, one.metric))}</title>"
        if point.value is None:
            at = f"{x(place):.1f}"
            yield f'<g class="lost">{tip}<text x="{at}" y="{TALL - BOTTOM + 8}" text-anchor="middle">×</text></g>'
            continue
        ends = ""
        if point.low is not None and point.high is not None:
            top, bottom = max(y(point.high), TOP - 8), min(y(point.low), TALL - BOTTOM + 8)
            ends = f'<line x1="{x(place):.1f}" x2="{x(place):.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>'
        yield f'<g class="point">{tip}{ends}<circle cx="{x(place):.1f}" cy="{y(point.value):.1f}" r="3.2"/></g>'


def _tip(point: Point, metric: str) -> str:
    value = units.show(metric, point.value) if point.value is not None else point.status
    return f"{value} · {words.visible(point.run.id)} · {_day(point)} · commit {words.visible(point.run.commit or 'unknown')}"


def _day(point: Point) -> str:
    return str(escape(words.visible(point.run.started_utc[:10] or "no date")))
