"""A change with its interval for each case of a comparison, around the band of changes that do not count."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from rnnbench import units
from rnnbench.gate.verdict import Comparison, Finding
from rnnbench.record import METRICS
from rnnbench.reports import words
from rnnbench.reports.draw.palette import GRID, MUTED, PAPER
from rnnbench.reports.draw.panels import Panel, colour, cut, lying
from rnnbench.reports.draw.svg import drawing, to_svg

METRIC = "step_time_s"
MOST = 40
_SLOTS = {"regressed": 1, "improved": 2, "equivalent": 0}
_SETTINGS = {"regressed": "slower", "improved": "faster", "equivalent": "as fast"}


def forest(found: Comparison, names: Mapping[str, str], ident: str) -> Panel | None:
    """The changes of the step time, largest kept where there are many; hollow where nothing could be decided."""
    known = [one for one in found.findings if one.metric == METRIC and one.ratio]
    if not known:
        return None
    shown = sorted(known, key=lambda one: -abs((one.ratio or 1) - 1))[:MOST]
    shown.sort(key=lambda one: one.ratio or 1)
    used = [verdict for verdict in ("regressed", "improved", "equivalent") if any(one.verdict == verdict for one in shown)]
    undecided = sum(one.verdict not in _SLOTS for one in shown)
    called = _SETTINGS if found.by_design else {}
    legend = [(called.get(verdict, verdict), _SLOTS[verdict]) for verdict in used] + ([("hollow: not decided", 7)] if undecided else [])
    with drawing(9.6, 0.8 + 0.23 * len(shown)) as figure:
        axes = figure.subplots()
        if effect := shown[0].min_effect:
            axes.axvspan(-100 * effect / (1 + effect), 100 * effect, color=GRID, alpha=0.6, linewidth=0, zorder=0)
        axes.axvline(0, color=MUTED, linewidth=1)
        for place, one in enumerate(shown):
            _draw(axes, place, one)
        lying(axes, f"change of {METRICS[METRIC].label} [%]")
        axes.set_yticks(range(len(shown)), [cut(names.get(one.case, words.visible(one.case)), 44) for one in shown])
        axes.set_ylim(-0.7, len(shown) - 0.3)
        axes.invert_yaxis()
        description = _description(shown, known, names)
        return Panel("change of step time, case by case", to_svg(figure, ident, description, legend), description, legend)


def _draw(axes: Axes, place: int, one: Finding) -> None:
    ink = colour(_SLOTS.get(one.verdict, 7))
    if one.low is not None and one.high is not None:
        axes.hlines([place], 100 * (one.low - 1), 100 * (one.high - 1), color=ink, linewidth=2, alpha=0.7)
    filled = one.verdict in _SLOTS
    axes.plot(
        [100 * ((one.ratio or 1) - 1)],
        [place],
        "o",
        markersize=5.5,
        color=ink,
        markerfacecolor=ink if filled else PAPER,
        markeredgewidth=1.3,
    )


def _description(shown: Sequence[Finding], known: Sequence[Finding], names: Mapping[str, str]) -> str:
    """The picture in words: the ends, and how many lie beyond the band."""
    least, most = shown[0], shown[-1]
    ends = [f"{names.get(one.case, one.case)} {units.change(one.ratio or 1)}" for one in dict.fromkeys((least, most))]
    left = len(known) - len(shown)
    span = f": {ends[0]}" if len(ends) == 1 else f", from {' to '.join(ends)}"
    return (
        f"Change of step time in {words.count(len(shown), 'case')}{span}. Changes within the grey band are"
        f" too small to matter{f' (±{units.percent(shown[0].min_effect)})' if shown[0].min_effect else ''}."
        + (f" {words.count(left, 'case')} with smaller changes are not drawn." if left else "")
    )
