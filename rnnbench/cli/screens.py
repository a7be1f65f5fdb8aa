"""What commands show on a terminal: tables and closing sentences. Numbers come formatted from rnnbench.units."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from rnnbench import units
from rnnbench.case import AXES, Case
from rnnbench.cli.terminal import console, shown
from rnnbench.record import STATUSES, Record, Run

COLUMNS = {
    "step_time_s": "step time",
    "half_width_ratio": "±",
    "tokens_per_s": "tokens/s",
    "ceiling_share": "ceiling",
    "activation_bytes": "activations",
    "peak_allocated_bytes": "peak",
    "beside_ratio": "ratio",
    "clip_cost_s": "clipping",
}
"""Metrics of the closing table and their heads, short enough for eighty columns."""
_NOTES = {
    "contended": "shared the machine with other processes: close them, or repeat with --processes.",
    "wanted ±": "did not reach the wanted precision within the budget: quiet the machine or raise --case-budget.",
}
"""What a word in a record's notes means for the whole run."""
_STYLE: dict[str, Any] = {
    "box": None,
    "header_style": "bold",
    "pad_edge": False,
    "padding": (0, 1),
    "collapse_padding": True,
}


def plan(rows: Sequence[tuple[Case, int, float]], device: str) -> None:
    """The cases of a run that was not started."""
    table = Table(**_STYLE)
    varying = _varying([case for case, _, _ in rows])
    for name in varying:
        _axis_column(table, name)
    table.add_column("expected", justify="right")
    for case, _, span in rows:
        table.add_row(*(_value(getattr(case, name)) for name in varying), units.duration(span))
    out = console()
    out.print(table)
    total = units.duration(sum(span for _, _, span in rows))
    out.print(f"\n{len(rows)} cases on {device}, about {total}. Nothing was measured or written.")


def end(run: Run, folder: Path, page: Path | None) -> None:
    """The closing screen of a run: a row a case, then what it came to and where it lies."""
    out = console()
    for suite in run.suites:
        records = [record for record in run.records if record.case.suite == suite["name"]]
        if records:
            out.print(f"[bold]{shown(suite['title'])}[/] — {shown(suite['question'])}")
            out.print(_table(records))
    out.print()
    for sentence in _sentences(run):
        out.print(sentence)
    out.print(f"records  {shown(folder)}", soft_wrap=True)
    if page:
        out.print(f"report   {shown(page)}", soft_wrap=True)


def _table(records: Sequence[Record]) -> Table:
    table = Table(**_STYLE)
    varying = _varying([record.case for record in records])
    several = len({record.process for record in records}) > 1
    shown = [name for name in COLUMNS if any(name in record.metrics for record in records)]
    if "beside_ratio" in shown:  # the question is the ratio; memory is in the report
        shown = [name for name in shown if not name.endswith("_bytes")]
    for name in varying:
        _axis_column(table, name)
    if several:
        table.add_column("process", justify="right")
    for name in shown:
        table.add_column(COLUMNS[name], justify="right", no_wrap=True)
    for record in records:
        axes = [_value(getattr(record.case, name)) for name in varying] + ([str(record.process)] if several else [])
        if record.status == "ok":
            table.add_row(*axes, *(_figure(name, record) for name in shown))
        else:
            table.add_row(*axes, f"[{_colour(record.status)}]{record.status}[/]")
    return table


def _axis_column(table: Table, name: str) -> None:
    numeric = AXES[name].kind in (int, float)
    table.add_column(name.replace("_size", "").replace("_", " "), justify="right" if numeric else "left", no_wrap=True)


def _colour(status: str) -> str:
    return "yellow" if status == "unsupported" else "red"


def _figure(name: str, record: Record) -> str:
    if name == "half_width_ratio" and name in record.metrics:
        return f"{record.metrics[name]:.1%}"
    shown = units.show(name, record.metrics.get(name))
    return shown.removesuffix("/s") if name == "tokens_per_s" else shown  # its unit is in the head


def _sentences(run: Run) -> Iterable[str]:
    """What it came to, in words."""
    counts = Counter(record.status for record in run.records)
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    wall = (datetime.fromisoformat(run.finished_utc) - datetime.fromisoformat(run.started_utc)).total_seconds()
    measured = sum(record.metrics.get("measured_s", 0) + sum(record.beside_times_s) for record in run.records)
    share = f", {measured / wall:.0%} of it inside timed rounds" if wall > 0 and measured else ""
    yield f"{len(run.records)} of {len(run.planned)} cases: {told or 'none'}; {units.duration(wall)}{share}."
    for status in counts:
        if status != "ok":
            example = next(record for record in run.records if record.status == status)
            yield f"[{_colour(status)}]{status}[/] ({STATUSES[status]}): {shown(example.reason)}"
    for mark, sentence in _NOTES.items():
        count = sum(any(mark in note for note in record.notes) for record in run.records)
        if count:
            yield f"[yellow]{count} {'case' if count == 1 else 'cases'}[/] {sentence}"
    if run.interrupted:
        yield f"Interrupted: every finished record is kept. Go on with: rnnbench run --resume {shown(run.id)}"


def _varying(cases: Sequence[Case]) -> list[str]:
    """Axes that tell the cases apart; the variant always."""
    return [name for name in AXES if name == "variant" or len({getattr(case, name) for case in cases}) > 1]


def _value(value: object) -> str:
    return "none" if value is None else {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
