"""A share against the number of processes, with intervals where they are known."""

from collections.abc import Sequence
from dataclasses import dataclass

from rnnbench import units
from rnnbench.reports.draw.palette import MUTED, slots
from rnnbench.reports.draw.panels import SIZE, TICK, Panel, colour, cut
from rnnbench.reports.draw.svg import drawing, to_svg


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: its name, and (processes, share, low, high) of each point; no interval where `low` is None."""

    name: str
    points: Sequence[tuple[int, float, float | None, float | None]]


def efficiency_chart(title: str, curves: Sequence[Curve], ident: str, *, level: float) -> Panel:
    """The curves, around the level that one process has."""
    places, described = slots([one.name for one in curves]), []
    with drawing(*SIZE) as figure:
        axes = figure.subplots()
        axes.axhline(level * 100, color=MUTED, linewidth=1)
        for one in curves:
            if len(one.points) < 2:
                continue
            ink = colour(places[one.name])
            at, shares = [point[0] for point in one.points], [point[1] * 100 for point in one.points]
            axes.plot(at, shares, marker="o", markersize=4, linewidth=1.2, color=ink)
            for processes, _, low, high in one.points:
                if low is not None and high is not None:
                    axes.vlines([processes], [low * 100], [high * 100], color=ink, linewidth=2.2, alpha=0.55)
            described.append(f"{one.name}: {', '.join(f'{units.percent(point[1])} on {point[0]}' for point in one.points[1:])}")
        counts = sorted({point[0] for one in curves for point in one.points})
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.set_xlabel("processes")
        axes.set_ylabel(f"{title} [%]")
        axes.yaxis.set_major_formatter(TICK)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        description = f"{title} against the number of processes. {'; '.join(described)}."
        legend = [(cut(one.name), places[one.name]) for one in curves]
        return Panel(title, to_svg(figure, ident, description, legend), description, legend)
