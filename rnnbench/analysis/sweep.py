"""The role of each axis in a suite's cases: swept, telling lines apart, or held constant."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.analysis.fit import in_order, where
from rnnbench.analysis.frames import by_case, frame
from rnnbench.case import AXES
from rnnbench.record import Run

MOST_LINES = 8
MOST_SLICES = 6
# Who is promoted first where the suite's own x or hue does not vary, and who gets line styles before panels.
_FIRST = ("run", "variant", "precision", "implementation", "execution", "bidirectional", "clip_norm", "device", "phase", "task")


@dataclass(frozen=True, slots=True)
class Slice:
    """Cases alike in every axis but x, hue and style; `held` says in which."""

    held: Mapping[str, Any]
    cases: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Sweep:
    """A suite's cases, one row each. `hue` and `style` are empty where no axis is left to play them; `key` is fit for an id."""

    key: str
    name: str
    title: str
    question: str
    cases: pd.DataFrame
    x: str
    hue: str
    style: str
    facets: tuple[str, ...]
    families: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def values(self, axis: str) -> list[Any]:
        """What an axis takes in this sweep, in reading order."""
        return in_order(axis, list(self.cases[axis])) if axis else []

    @property
    def varying(self) -> list[str]:
        """The axes with more than one value."""
        return varying(self.cases)

    @property
    def numeric(self) -> bool:
        """Whether x is a number, two or more of them, so that something can grow with it."""
        values = self.values(self.x)
        return len(values) > 1 and all(
            isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_) for value in values
        )

    def baseline(self, axis: str) -> Any:
        """The value that others are held against: of the suite's first family, else the axis's default, else the first measured."""
        values = self.values(axis)
        named = next(iter(self.families.values()), ()) if axis == self.hue else ()
        default = AXES[axis].default if axis in AXES else None
        return next((value for value in (*named, default) if value in values), values[0])

    @property
    def metric(self) -> str:
        """What the suite asks about: clipping's cost, or the ratio to what ran in turn, where every case has that; else step time."""
        fine = self.cases[self.cases["status"] == "ok"]
        asked = [name for name in ("clip_cost_s", "beside_ratio") if not fine.empty and fine[name].notna().all()]
        return asked[0] if asked else "step_time_s"

    @property
    def lead(self) -> Slice:
        """The slice at the baseline of every axis but x and hue: what the headline is about."""
        held = self._base(tuple(axis for axis in (self.style, *self.facets) if axis))
        return Slice(held, where(self.cases, held))

    def _base(self, axes: Sequence[str]) -> dict[str, Any]:
        """The baseline of each axis; where no case has them all, as of runs of unlike grids, those of the first measured case."""
        held = {axis: self.baseline(axis) for axis in axes}
        if not where(self.cases, held).empty:
            return held
        fine = self.cases[self.cases["status"] == "ok"]
        first = (self.cases if fine.empty else fine).iloc[0]
        return {axis: first[axis] for axis in axes}

    def slices(self) -> list[Slice]:
        """What figures show: the facets' baseline, then each facet's other values in turn, the rest at the baseline."""
        base = self._base(self.facets)
        chosen = [base, *({**base, axis: value} for axis in self.facets for value in self.values(axis) if value != base[axis])]
        found = [Slice(held, where(self.cases, held)) for held in chosen]
        found = [one for one in found if not one.cases.empty]
        if self.numeric and len(swept := [one for one in found if one.cases[self.x].nunique() > 1]):
            found = swept  # of grids that meet in a point only, the rest has nothing to draw against x
        return found[:MOST_SLICES]

    def lines(self, cases: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
        """The cases of each hue and style, by x."""
        for hue in self.values(self.hue) or [None]:
            for style in self.values(self.style) or [None]:
                which = {axis: value for axis, value in ((self.hue, hue), (self.style, style)) if axis}
                rows = where(cases, which)
                if not rows.empty:
                    yield which, rows.sort_values(self.x) if self.numeric else rows


def varying(cases: pd.DataFrame) -> list[str]:
    """The axes, runs among them, with more than one value."""
    return [axis for axis in ("run", *AXES) if cases[axis].nunique(dropna=False) > 1]


def sweeps(runs: Sequence[Run]) -> list[Sweep]:
    """One sweep for each suite of these runs that left a record, in order."""
    about = {suite.get("name", ""): suite for run in runs for suite in run.suites}
    table = by_case(frame(runs))
    names = dict.fromkeys([*about, *table["suite"]])
    return [_sweep(f"s{number}", name, about.get(name, {}), table[table["suite"] == name]) for number, name in enumerate(names)]


def _sweep(key: str, name: str, about: Mapping[str, str], cases: pd.DataFrame) -> Sweep:
    free = varying(cases)
    by_rank = sorted(free, key=lambda axis: _FIRST.index(axis) if axis in _FIRST else len(_FIRST))
    wished = [about.get("x", ""), about.get("hue", ""), *by_rank]
    chosen = [axis for axis in dict.fromkeys(wished) if axis in free]
    x = chosen[0] if chosen else about["x"] if about.get("x") in AXES else "variant"
    hue = chosen[1] if len(chosen) > 1 else ""
    title, question = str(about.get("title") or name), str(about.get("question") or "")
    one = Sweep(key, str(name), title, question, cases, x, hue, "", ())
    rest = [axis for axis in by_rank if axis not in (x, hue)]
    lines = max(1, cases[hue].nunique(dropna=False)) if hue else 1
    fits = [axis for axis in rest if axis != "phase" and lines * cases[axis].nunique(dropna=False) <= MOST_LINES]
    style = fits[0] if fits and one.numeric else ""
    families = _families(about.get("families", ""), one) if hue == about.get("hue") else {}
    return replace(one, style=style, facets=tuple(axis for axis in rest if axis != style), families=families)


def _families(text: str, sweep: Sweep) -> dict[str, tuple[str, ...]]:
    """What a suite told of its families, "dense: a; sparse: b, c", of what was measured; none where the first of them was not."""
    pairs = [part.partition(": ") for part in text.split("; ") if part]
    seen = sweep.values(sweep.hue)
    told = {name: tuple(one for one in members.split(", ") if one in seen) for name, _, members in pairs}
    based = any(told[name] for name in list(told)[:1])
    return {name: members for name, members in told.items() if members} if based else {}
