"""What commands show on a terminal: tables and closing sentences. Numbers come formatted from rnnbench.units."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rnnbench import units
from rnnbench.case import AXES, Case
from rnnbench.record import METRICS, STATUSES, Record, Run

COLUMNS = (
    "step_time_s",
    "half_width_ratio",
    "tokens_per_s",
    "activation_bytes",
    "peak_allocated_bytes",
    "peak_rss_growth_bytes",
    "beside_ratio",
)
_HEADS = {"half_width_ratio": "±"}
_BAD = "red"


def console() -> Console:
    """Standard output."""
    return Console(highlight=False)


def plan(rows: Sequence[tuple[Case, int, float]], device: str) -> None:
    """The cases of a run that was not started."""
    table = Table(box=None, header_style="bold")
    varying = _varying([case for case, _, _ in rows])
    for name in varying:
        table.add_column(name.replace("_", " "), justify="right" if AXES[name].kind in (int, float) else "left")
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
            out.print(_table(suite, records))
    out.print()
    for sentence in _sentences(run):
        out.print(sentence)
    out.print(f"records  {folder}", soft_wrap=True)
    if page:
        out.print(f"report   {page}", soft_wrap=True)


def _table(suite: dict[str, str] | object, records: Sequence[Record]) -> Table:
    about = dict(suite)  # type: ignore[call-overload]
    table = Table(title=f"{about['title']} — {about['question']}", title_justify="left", title_style="bold", box=None, header_style="bold")
    varying = _varying([record.case for record in records])
    several = len({record.process for record in records}) > 1
    shown = [name for name in COLUMNS if any(name in record.metrics for record in records)]
    for name in varying:
        table.add_column(name.replace("_", " "), justify="right" if AXES[name].kind in (int, float) else "left")
    if several:
        table.add_column("process", justify="right")
    for name in shown:
        table.add_column(_HEADS.get(name, METRICS[name].label), justify="right")
    for record in records:
        axes = [_value(getattr(record.case, name)) for name in varying] + ([str(record.process)] if several else [])
        if record.status == "ok":
            table.add_row(*axes, *(_figure(name, record) for name in shown))
        else:
            table.add_row(*axes, f"[{_BAD}]{record.status}[/]", *([""] * (len(shown) - 1)), end_section=False)
    return table


def _figure(name: str, record: Record) -> str:
    if name == "half_width_ratio" and name in record.metrics:
        return f"{record.metrics[name]:.1%}"
    return units.show(name, record.metrics.get(name))


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
            yield f"[{_BAD if status != 'unsupported' else 'yellow'}]{status}[/] ({STATUSES[status]}): {escape(example.reason)}"
    unsure = sum(1 for record in run.records if any("wanted ±" in note for note in record.notes))
    if unsure:
        yield f"[yellow]{unsure} cases[/] did not reach the wanted precision within their budget: quiet the machine or raise --case-budget."
    if run.interrupted:
        yield f"Interrupted: every finished record is kept. Go on with: rnnbench run --resume {run.id}"


def _varying(cases: Sequence[Case]) -> list[str]:
    """Axes that tell the cases apart; the variant always."""
    return [name for name in AXES if name == "variant" or len({getattr(case, name) for case in cases}) > 1]


def _value(value: object) -> str:
    return "none" if value is None else {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
