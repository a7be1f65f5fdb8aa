"""Learning curves with bands over seeds, and quality against cost."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from rnnbench import units
from rnnbench.analysis.convergence import Trained, band, worth_it
from rnnbench.reports.draw.palette import slots
from rnnbench.reports.draw.panels import SIZE, TICK, Panel, colour, cut
from rnnbench.reports.draw.svg import drawing, to_svg

COSTS = ("answer_s", "test_error", "parameter_bytes")


def curve_panel(task: str, shown: Sequence[tuple[str, Trained]], what: str, ident: str) -> Panel | None:
    """One line per group with a band over its seeds; None where no record holds the quantity."""
    places, described = slots([name for name, _ in shown]), []
    with drawing(*SIZE) as figure:
        axes: Axes = figure.subplots()
        for name, group in shown:
            line = band([record.curve for record in group.records], what)
            if line is None:
                continue
            ink = colour(places[name])
            axes.fill_between(line.at, line.low, line.high, color=ink, alpha=0.15, linewidth=0)
            axes.plot(line.at, line.middle, color=ink, linewidth=1.6, label=cut(name))
            described.append(f"{name} from {units.digits(line.middle[0])} to {units.digits(line.middle[-1])}")
        if not described:
            return None
        axes.set_xlabel("training time [s]")
        axes.set_ylabel("training loss" if what == "loss" else "validation quality")
        axes.xaxis.set_major_formatter(TICK)
        axes.yaxis.set_major_formatter(TICK)
        description = f"{what} of {task} against training time: {'; '.join(described)}."
        return Panel(what, to_svg(figure, ident, description), description)


def cost_panel(task: str, shown: Sequence[tuple[str, Trained]], ident: str) -> Panel | None:
    """Test error against answer time, larger where the weights take more memory, filled on the Pareto front; None for fewer than two."""
    places = slots([name for name, _ in shown])
    known = [(name, group) for name, group in shown if all(group.values(metric) for metric in COSTS)]
    if len(known) < 2:
        return None
    costs, errors, sizes = ([group.median(metric) or 0.0 for _, group in known] for metric in COSTS)
    on_front = worth_it(list(zip(costs, errors, sizes, strict=True)))
    most = max(sizes) or 1.0
    with drawing(*SIZE) as figure:
        axes: Axes = figure.subplots()
        for (name, group), cost, error, size, on in zip(known, costs, errors, sizes, on_front, strict=True):
            ink, seen = colour(places[name]), group.values("test_error")
            axes.vlines(1e3 * cost, min(seen), max(seen), color=ink, linewidth=1, alpha=0.6)
            axes.scatter([1e3 * cost], [error], s=30 + 170 * size / most, facecolor=ink if on else "none", edgecolor=ink, zorder=2)
        axes.set_xlabel("answer time [ms]")
        axes.set_ylabel("test error")
        axes.margins(0.15)
        axes.xaxis.set_major_formatter(TICK)
        axes.yaxis.set_major_formatter(TICK)
        each = [
            f"{name} has an error of {units.digits(error)} in {units.show('answer_s', cost)} with {units.show('parameter_bytes', size)}"
            for (name, _), cost, error, size in zip(known, costs, errors, sizes, strict=True)
        ]
        best = ", ".join(name for (name, _), on in zip(known, on_front, strict=True) if on)
        description = f"test error of {task} against answer time: {'; '.join(each)}. On the Pareto front: {best}."
        return Panel("quality against cost", to_svg(figure, ident, description), description)
