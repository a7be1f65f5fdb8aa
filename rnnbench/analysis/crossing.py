"""Where one family of cases becomes cheaper than another along a swept number, between which measured values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from rnnbench.analysis.fit import apart


@dataclass(frozen=True, slots=True)
class Meeting:
    """The cheapest of a family against the cheapest of its base at one x: the ratio of their medians, between the quotients of the
    far ends of their intervals (None where one has none). `processes` is how many stand behind the side with fewer."""

    x: float
    member: str
    base: str
    ratio: float
    low: float | None
    high: float | None
    processes: int

    @property
    def verdict(self) -> int:
        """1: clearly cheaper than its base. −1: clearly dearer. 0: not to be told."""
        return -apart(self.ratio, self.low, self.high, self.processes)


@dataclass(frozen=True, slots=True)
class Crossing:
    """A family against its base at every x where both were measured, by x."""

    family: str
    base: str
    meetings: tuple[Meeting, ...]

    @property
    def told(self) -> tuple[Meeting, ...]:
        """Where one is clearly the cheaper."""
        return tuple(one for one in self.meetings if one.verdict)

    @property
    def turns(self) -> tuple[tuple[float, float], ...]:
        """Between which two x the order clearly turns round, each time that it does."""
        return tuple((a.x, b.x) for a, b in pairwise(self.told) if a.verdict != b.verdict)


def crossings(cases: pd.DataFrame, x: str, axis: str, families: Mapping[str, Sequence[str]]) -> list[Crossing]:
    """Every family of values of `axis` against the first one, by step time along `x`. `cases` are alike in every other axis.
    What was not measured, or is the base itself, is left out."""
    base, *others = families
    fine = cases[(cases["status"] == "ok") & (cases["step_time_s"] > 0)]
    best = {name: _cheapest(fine[fine[axis].isin(families[name])], x) for name in families}
    found = []
    for name in others:
        met = sorted(set(best[name]) & set(best[base]))
        meetings = tuple(_meeting(at, axis, best[name][at], best[base][at]) for at in met)
        if meetings:
            found.append(Crossing(name, base, meetings))
    return found


def each(cases: pd.DataFrame, axis: str, families: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The base family, then every other measured value of `axis` as a family of its own."""
    base = next(iter(families))
    rest = [value for value in dict.fromkeys(cases[axis]) if value not in families[base]]
    return {base: tuple(families[base]), **{value: (value,) for value in rest}}


def _cheapest(cases: pd.DataFrame, x: str) -> dict[float, "pd.Series[float]"]:
    """The case with the least median at each x."""
    ordered = cases.sort_values("step_time_s", kind="stable").drop_duplicates(x)
    return {float(row[x]): row for _, row in ordered.iterrows()}


def _meeting(x: float, axis: str, one: "pd.Series[float]", base: "pd.Series[float]") -> Meeting:
    bounds = [one["step_time_low"] / base["step_time_high"], one["step_time_high"] / base["step_time_low"]]
    low, high = (None, None) if any(map(pd.isna, bounds)) else map(float, bounds)
    processes = int(min(one["measured_processes"], base["measured_processes"]))
    return Meeting(x, str(one[axis]), str(base[axis]), float(one["step_time_s"] / base["step_time_s"]), low, high, processes)
