"""Decoding one time step at a time: the median and the tail of its latency, p95 and p99."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd
from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.fit import in_order
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import words
from rnnbench.reports.case_order import in_reading_order
from rnnbench.reports.draw.latency import Latency, latency_chart
from rnnbench.reports.draw.panels import Panel, colour, slot
from rnnbench.reports.sentences import markup
from rnnbench.reports.table import Cell, Table
from rnnbench.reports.topics.speedups import joined
from rnnbench.reports.topics.topic import Block, Sentence, Topic, View, fit_id

QUANTILES = ("step_time_s", "p95_s", "p99_s")
MOST_DRAWN = 24
MOST_ROWS = 120


def sentences(view: View) -> Iterator[Sentence]:
    """The baseline's median and tail, then who has the shortest and the heaviest tail."""
    cases, held = _lead(view.sweep)
    if cases.empty:
        return
    anchor = f"{view.key}-latency"
    noted = f" ({words.values(held)})" if held else ""
    base = view.sweep.baseline("variant")
    rows = cases[cases["variant"] == base]
    row = (cases if rows.empty else rows).iloc[0]
    yield Sentence(_latency(row, noted), anchor, "answer")
    tails = cases[cases["p99_s"].notna()].sort_values("p99_s")
    if cases["variant"].nunique() > 1 and len(tails) > 1:
        yield Sentence(_tails(tails), anchor, "answer")


def _latency(row: "pd.Series[Any]", noted: str) -> Markup:
    """Median and tail of one case."""
    median = units.show("step_time_s", row["step_time_s"])
    text = markup("One decoding step of <b>{}</b>{} takes <b>{}</b> at the median", row["variant"], noted, median)
    known = [(name, row[f"{name}_s"]) for name in ("p95", "p99") if pd.notna(row[f"{name}_s"])]
    if not known:
        return text + "; too few steps were timed for a tail."
    return text + Markup(", ") + joined([markup("<b>{}</b> at {}", units.show("p99_s", value), name) for name, value in known]) + "."


def _tails(tails: pd.DataFrame) -> Markup:
    """Who has the shortest and the longest p99, and whose is longest against its own median."""
    best, worst = tails.iloc[0], tails.iloc[-1]
    heavy = tails.iloc[int((tails["p99_s"] / tails["step_time_s"]).to_numpy().argmax())]
    return markup("Of {} with a known tail, <b>{}</b> has the shortest p99, <b>{}</b>, and {} the longest, {}. {} has the heaviest tail:"
               " p99 is {} the median.", words.count(len(tails), "variant"), best["variant"], units.show("p99_s", best["p99_s"]),
               worst["variant"], units.show("p99_s", worst["p99_s"]), heavy["variant"],
               units.factor(heavy["p99_s"] / heavy["step_time_s"]))  # fmt: skip


def _known(cases: pd.DataFrame) -> pd.DataFrame:
    """Measured decoding cases. Those of too few steps have no p99."""
    return cases[(cases["status"] == "ok") & (cases["phase"] == "decode") & cases["step_time_s"].notna()]


def _lead(sweep: Sweep) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The decoding cases at the baseline of every axis but the variant; and what that baseline is."""
    cases = _known(sweep.cases)
    held = {axis: _baseline(sweep, cases, axis) for axis in sweep.varying if axis != "variant" and cases[axis].nunique(dropna=False) > 1}
    for axis, value in held.items():
        cases = cases[cases[axis] == value]
    return cases, held


def _baseline(sweep: Sweep, cases: pd.DataFrame, axis: str) -> Any:
    """The smallest of a number (a stream is usually alone), else the sweep's own baseline where it was measured."""
    values = in_order(axis, list(cases[axis]))
    base = values[0] if axis == "batch_size" else sweep.baseline(axis)
    return base if base in values else values[0]


def main(view: View) -> Block | None:
    """The interval plot of the headline's cases, and the table of all."""
    if _known(view.sweep.cases).empty:
        return None
    return Block(f"{view.key}-main", tables=[(f"{view.key}-latency", _table(view.sweep))], draw=partial(_panels, view))


def _panels(view: View) -> list[Panel]:
    cases, held = _lead(view.sweep)
    title = "latency of one step" + (f": {words.values(held)}" if held else "")
    rows = cases.sort_values("step_time_s").head(MOST_DRAWN)
    axis = "variant"
    if len(rows) < 2:  # one variant: its other cases instead
        rows = _known(view.sweep.cases).sort_values("step_time_s").head(MOST_DRAWN)
        axis, title = "", "latency of one step"
    found = [_row(view.sweep, row, str(row["variant"]) if axis else _name(view.sweep, row)) for _, row in rows.iterrows()]
    return [latency_chart(found, title, fit_id(f"{view.key}-main"))]


def _row(sweep: Sweep, row: "pd.Series[Any]", name: str) -> Latency:
    median, *tail = (None if pd.isna(row[quantile]) else float(row[quantile]) for quantile in QUANTILES)
    which = {sweep.hue: row[sweep.hue]} if sweep.hue else {}
    return Latency(name, median or 0.0, tail[0], tail[1], colour(slot(sweep, which)))


def _name(sweep: Sweep, row: "pd.Series[Any]") -> str:
    return words.values({axis: row[axis] for axis in sweep.varying}) or str(row["variant"])


def _table(sweep: Sweep) -> Table:
    """Every decoding case, fastest first among cases alike in all but the variant."""
    cases = _known(sweep.cases)
    cases = in_reading_order(cases, [axis for axis in sweep.varying if axis != "variant"], "step_time_s")
    rows = [
        [
            Cell(_name(sweep, row), slot=slot(sweep, {sweep.hue: row[sweep.hue]} if sweep.hue else {})),
            *(Cell(units.show(name, row[name])) for name in QUANTILES),
            Cell(units.factor(row["p99_s"] / row["step_time_s"]) if pd.notna(row["p99_s"]) else units.NONE),
            Cell(units.show("state_bytes", row["state_bytes"])),
        ]
        for _, row in cases.head(MOST_ROWS).iterrows()
    ]
    left = len(cases) - len(rows)
    note = f"{words.count(left, 'more case')} in the table of cases." if left > 0 else ""
    heads = ("", "median", "p95", "p99", "p99 ÷ median", "state")
    return Table("Latency of one decoding step", heads, rows, note).without_empty(units.NONE)


TOPIC = Topic(sentences, main=main)
