"""The best way to run a network in each setting, everything else being equal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rnnbench.analysis.fit import apart
from rnnbench.case import AXES, SHAPE

WAYS = ("variant", "precision", "implementation", "execution")
FEWEST = 3  # two are a contrast

Way = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Win:
    """The best way of one setting; `setting` holds what tells it from the others. `clear`: no other way comes near.
    `parameters_ratio`: the most parameters among the ways ÷ the least, 1 where not known."""

    setting: Mapping[str, Any]
    way: Way
    clear: bool
    parameters_ratio: float


@dataclass(frozen=True, slots=True)
class Choice:
    """Who was best in each setting."""

    axes: tuple[str, ...]
    wins: tuple[Win, ...]

    def named(self, way: Way) -> dict[str, Any]:
        """A way, by its axes."""
        return dict(zip(self.axes, way, strict=True))

    @property
    def first(self) -> Way:
        """The way that was best most often."""
        return Counter(win.way for win in self.wins).most_common(1)[0][0]

    @property
    def best(self) -> dict[str, Any]:
        """The same, by its axes."""
        return self.named(self.first)

    @property
    def won(self) -> int:
        """In how many settings it was."""
        return sum(win.way == self.first for win in self.wins)

    @property
    def clear(self) -> int:
        """In how many of these no other came near."""
        return sum(win.way == self.first and win.clear for win in self.wins)

    @property
    def lost(self) -> tuple[Win, ...]:
        """The settings in which another was best."""
        return tuple(win for win in self.wins if win.way != self.first)

    @property
    def parameters_ratio(self) -> float:
        """How far apart in size the ways of one setting lie, at most."""
        return max(win.parameters_ratio for win in self.wins)


def choice(cases: pd.DataFrame, metric: str = "step_time_s") -> Choice | None:
    """The way with the least of `metric` in each setting that three ways or more were measured in; None where there is no such setting."""
    fine = cases[(cases["status"] == "ok") & (cases[metric] > 0)]
    axes = tuple(axis for axis in WAYS if fine[axis].nunique(dropna=False) > 1)
    if not axes:
        return None
    others = [axis for axis in (*AXES, "run") if axis not in (*axes, *_following(fine))]
    telling = [axis for axis in others if fine[axis].nunique(dropna=False) > 1]
    groups = [rows for _, rows in fine.groupby(others, dropna=False, sort=False) if len(rows) >= FEWEST]
    return Choice(axes, tuple(_win(rows, axes, telling, metric) for rows in groups)) if groups else None


def _following(cases: pd.DataFrame) -> list[str]:
    """Sizes that the suite sets by the variant, such as a width for as many parameters: they tell no settings apart."""
    of_variant = cases.groupby("variant")[list(SHAPE)].nunique()
    return [axis for axis in SHAPE if cases[axis].nunique() > 1 and (of_variant[axis] == 1).all()]


def _win(rows: pd.DataFrame, axes: Sequence[str], telling: Sequence[str], metric: str) -> Win:
    ordered = rows.sort_values(metric, kind="stable")
    first, rest = ordered.iloc[0], ordered.iloc[1:]
    sampled = metric == "step_time_s"
    clear = all(_slower(row, first) for _, row in rest.iterrows()) if sampled else bool(first[metric] < rest[metric].min())
    sizes = rows["parameters"].dropna()
    ratio = float(sizes.max() / sizes.min()) if len(sizes) == len(rows) and sizes.min() > 0 else 1.0
    return Win({axis: first[axis] for axis in telling}, tuple(first[axis] for axis in axes), clear, ratio)


def _slower(row: "pd.Series[Any]", first: "pd.Series[Any]") -> bool:
    low, high = row["step_time_low"] / first["step_time_high"], row["step_time_high"] / first["step_time_low"]
    processes = min(row["measured_processes"], first["measured_processes"])
    return apart(row["step_time_s"] / first["step_time_s"], low, high, processes) > 0
