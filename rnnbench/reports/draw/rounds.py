"""Every timed round as a dot, as a distance from its case's median."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns

from rnnbench import units
from rnnbench.reports import words
from rnnbench.reports.draw.palette import MUTED
from rnnbench.reports.draw.panels import Panel, cut, lying
from rnnbench.reports.draw.svg import drawing, to_svg

DENSE = 1500  # dots from which on they are drawn as pixels
DRAWN = 99  # per cent of the rounds on either side of the medians that are within the picture
LEAST = 1.0  # per cent that either side spans at least


def rounds(names: Sequence[str], times_s: Sequence[Sequence[float]], inks: Sequence[str], title: str, ident: str) -> Panel:
    """Two clouds are two modes, a tail is disturbance. Each side of the medians has a range of its own: a round can be many times
    slower than its median, but never more than 100 % faster."""
    distances = [np.asarray(times) / np.median(times) * 100 - 100 for times in times_s]
    pooled = np.concatenate(distances)
    low, high = _range(pooled)
    order = [str(index) for index in range(len(names))]
    table = pd.DataFrame({"distance": pooled, "case": np.repeat(order, [len(one) for one in distances])})
    kept = table[(table["distance"] >= low) & (table["distance"] <= high)]
    with drawing(9.6, 0.75 + 0.24 * len(names)) as figure:
        axes = figure.subplots()
        axes.axvline(0, color=MUTED, linewidth=0.8)
        look: dict[str, Any] = {"jitter": 0.28, "size": 2.6, "alpha": 0.6, "legend": False, "rasterized": len(kept) > DENSE}
        luck = np.random.get_state()  # noqa: NPY002 - seaborn's jitter draws from here; a report is the same bytes each time
        np.random.seed(0)  # noqa: NPY002
        sns.stripplot(data=kept, x="distance", y="case", hue="case", palette=list(inks), order=order, hue_order=order, ax=axes, **look)
        np.random.set_state(luck)  # noqa: NPY002
        lying(axes, "round against its case's median [%]")
        axes.set_yticks(range(len(names)), [cut(name, 40) for name in names])
        axes.set_xlim(low, high)
        description = _description(names, distances, (low, high))
        return Panel(title, to_svg(figure, ident, description), description)


def _range(pooled: Any) -> tuple[float, float]:
    """What the axis spans, in per cent: nearly all rounds on each side, and never below −100."""
    below, above = pooled[pooled <= 0], pooled[pooled >= 0]
    low = float(np.percentile(below, 100 - DRAWN)) if len(below) else 0.0
    high = float(np.percentile(above, DRAWN)) if len(above) else 0.0
    return max(-100.0, min(-LEAST, low * 1.15)), max(LEAST, high * 1.15)


def _description(names: Sequence[str], distances: Sequence[Any], ends: tuple[float, float]) -> str:
    """How far the rounds lie from their medians, in words."""
    middles = [float(np.subtract(*np.percentile(one, [75, 25]))) for one in distances]
    widest = max(range(len(names)), key=middles.__getitem__)
    low, high = ends
    total, beyond = sum(map(len, distances)), sum(int(((one < low) | (one > high)).sum()) for one in distances)
    left = f" {words.count(beyond, 'round')} below {units.percent(low / 100)} or above +{units.percent(high / 100)} not drawn."
    return (
        f"{words.count(total, 'round')} of {words.count(len(names), 'case')}. "
        f"{names[widest]} varies most: the middle half of its rounds spans {units.percent(middles[widest] / 100)} of the median."
        + (left.replace("-", "−") if beyond else "")
    )
