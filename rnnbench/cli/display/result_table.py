"""One suite's results as a table: one row per case, with the figures that answer the suite's question, in reading order."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rnnbench import units
from rnnbench.analysis.efficiency import shared
from rnnbench.analysis.frames import by_case, frame
from rnnbench.case import AXES
from rnnbench.cli.display.columns import Column
from rnnbench.record import DERIVED, METRICS, Run
from rnnbench.reports.case_order import in_reading_order
from rnnbench.suite import Reading

HEADS = {
    "half_width_ratio": "±",
    "tokens_per_s": "tokens/s",
    "sequences_per_s": "sequences/s",
    "activation_bytes": "activations",
    "state_bytes": "state",
    "peak_allocated_bytes": "peak memory",
    "p95_s": "p95",
    "p99_s": "p99",
    "clip_cost_s": "clipping cost",
    "beside_ratio": "÷ baseline",
    "beside_time_s": "baseline",
    "achieved_flops_per_s": "FLOP rate",
    "communication_share": "communication",
    "clipped_share": "clipped",
}
"""Heads that are shorter than the metric's label."""
TARGETS = ("steps_to_target", "time_to_target_s", "energy_to_target_j")
MISSED = "not reached"
SPREAD = "half_width_ratio"
BETWEEN = "± is half the range of the processes' medians."
WITHIN = "± is the half-width of the mean's confidence interval, relative to the mean."


class ResultTable:
    """The cases of one suite of a run; `columns` and `styles` are what a terminal shows, `note` what its ± means."""

    def __init__(self, run: Run, about: Mapping[str, str], verdicts: Mapping[str, str] | None = None) -> None:
        """`verdicts` is what --require came to, by case."""
        self._verdicts = verdicts or {}
        records = frame(run)
        self._records = records[records["suite"] == about["name"]]
        self._reading, self._x = Reading.of(about), about.get("x", "")
        self._cases = self._sorted(by_case(self._records))
        self._several = bool((self._cases["measured_processes"] + self._cases["failed_processes"] > 1).any())
        self._efficiency = {one.row["id"]: one.efficiency for one in shared(self._cases)}

    @property
    def _axes(self) -> list[str]:
        """The axes that tell cases apart, the swept one last and the seeds of a training after it; the variant always."""
        free = [axis for axis in AXES if self._records[axis].nunique(dropna=False) > 1]
        last = [axis for axis in (self._x, "seed") if axis in free]
        rest = [axis for axis in free if axis not in last]
        return [*([] if "variant" in free else ["variant"]), *rest, *last]

    def _sorted(self, cases: pd.DataFrame) -> pd.DataFrame:
        """By axes. A swept axis without an order of its own, such as the variant, goes by the metric, the best first."""
        metric = self._reading.metric
        own_order = self._x not in AXES or AXES[self._x].kind is not str or AXES[self._x].values is not None
        if own_order or "seed" in self._axes or metric not in METRICS or not cases[metric].notna().any():
            return in_reading_order(cases, self._axes)
        return in_reading_order(
            cases, [axis for axis in self._axes if axis != self._x], metric, ascending=METRICS[metric].better != "higher"
        )

    @property
    def columns(self) -> list[Column]:
        """Axes, then the suite's metrics. The metric that answers its question is always shown."""
        rows = [row for _, row in self._cases.iterrows()]
        axes = [
            Column(_axis_head(axis), [_axis_cell(row[axis]) for row in rows], right=AXES[axis].kind in (int, float), key=True)
            for axis in self._axes
        ]
        wanted = [name for name in self._reading.table if self._has(name)]
        first = self._reading.metric if self._reading.metric in wanted else wanted[0] if wanted else ""
        order = [first, *(name for name in wanted if name != first)] if first else []
        if self._several and SPREAD not in order and first:
            order.append(SPREAD)
        figures = [Column(head(name), [self._cell(name, row) for row in rows], right=True, optional=name != first) for name in order]
        lost = [row["status"] if row["status"] != "ok" else "" for row in rows]
        told = [Column("requirements", [self._verdicts.get(row["id"], "") for row in rows])] if self._verdicts else []
        return [*axes, *figures, *told, *([Column("status", lost)] if any(lost) else [])]

    @property
    def styles(self) -> list[str]:
        """A colour for each row that was not measured."""
        colours = {"ok": "", "unsupported": "yellow"}
        return [colours.get(status, "red") for status in self._cases["status"]]

    @property
    def note(self) -> str:
        """What ± means; empty where there is none."""
        shown = self._has(SPREAD) and SPREAD in self._reading.table
        return BETWEEN if self._several else WITHIN if shown else ""

    def _has(self, name: str) -> bool:
        if name in TARGETS:
            return bool((self._cases["phase"] == "converge").any())
        return bool(self._efficiency) if name in DERIVED else bool(self._cases[name].notna().any())

    def _cell(self, name: str, row: "pd.Series[Any]") -> str:
        if row["status"] != "ok":
            return ""
        if name == SPREAD and self._several:
            return self._spread(row["id"])
        if name in DERIVED:
            value = self._efficiency.get(row["id"])
            return units.NONE if value is None else units.show(name, value)
        if name in TARGETS and pd.isna(row[name]):
            return MISSED
        text = units.show(name, row[name]).replace("-", "−")
        if name == SPREAD:
            return units.NONE if pd.isna(row[name]) else f"{row[name]:.1%}"
        return text.removesuffix("/s") if name in ("tokens_per_s", "sequences_per_s") else text  # the head has the unit

    def _spread(self, case: str) -> str:
        """Half the range of the processes' own figures ÷ their median."""
        metric = self._reading.metric if self._reading.metric in METRICS else "step_time_s"
        own = self._records[(self._records["id"] == case) & (self._records["status"] == "ok")][metric].dropna()
        return f"{(own.max() - own.min()) / 2 / abs(own.median()):.1%}" if len(own) > 1 and own.median() else units.NONE


def head(name: str) -> str:
    """The head of a metric's column."""
    return HEADS.get(name) or (METRICS.get(name) or DERIVED[name]).label


def _axis_head(name: str) -> str:
    return name.replace("_size", "").replace("_", " ")


def _axis_cell(value: object) -> str:
    return units.plain(value)


def tables(run: Run, verdicts: Mapping[str, str] | None = None) -> Sequence[tuple[Mapping[str, str], ResultTable]]:
    """A table for each suite of the run that left a record."""
    measured = {record.case.suite for record in run.records}
    return [(about, ResultTable(run, about, verdicts)) for about in run.suites if about["name"] in measured]
