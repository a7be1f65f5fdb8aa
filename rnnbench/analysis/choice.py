"""Which of the ways to run a network is best, wherever all else is equal."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rnnbench.case import AXES

WAYS = ("variant", "precision", "implementation", "execution")
FEWEST = 3  # two are a contrast


@dataclass(frozen=True, slots=True)
class Choice:
    """How often each way was best, most often first. `sure` counts settings where its interval lay apart from every other's."""

    axes: tuple[str, ...]
    wins: tuple[tuple[tuple[Any, ...], int], ...]
    sure: int
    settings: int

    @property
    def best(self) -> dict[str, Any]:
        """The way that was best most often."""
        return dict(zip(self.axes, self.wins[0][0], strict=True))


def choice(cases: pd.DataFrame, metric: str = "step_time_s") -> Choice | None:
    """The way with the least of `metric` in each setting that three ways or more were measured in; None where there is no such setting."""
    fine = cases[(cases["status"] == "ok") & cases[metric].notna()]
    axes = tuple(axis for axis in WAYS if fine[axis].nunique(dropna=False) > 1)
    if not axes:
        return None
    others = [axis for axis in (*AXES, "run") if axis not in axes]
    groups = [rows for _, rows in fine.groupby(others, dropna=False, sort=False) if len(rows) >= FEWEST]
    if not groups:
        return None
    won = [_winner(rows, axes, metric) for rows in groups]
    wins = Counter(way for way, _ in won)
    first = wins.most_common(1)[0][0]
    return Choice(axes, tuple(wins.most_common()), sum(sure for way, sure in won if way == first), len(groups))


def _winner(rows: pd.DataFrame, axes: Sequence[str], metric: str) -> tuple[tuple[Any, ...], bool]:
    ordered = rows.sort_values(metric, kind="stable")
    first, rest = ordered.iloc[0], ordered.iloc[1:]
    if metric == "step_time_s":
        sure = bool(first["step_time_high"] < rest["step_time_low"].min()) and bool(rest["step_time_low"].notna().all())
    else:
        sure = bool(first[metric] < rest[metric].min())
    return tuple(first[axis] for axis in axes), sure
