"""What a run and a plan show on a terminal: tables and closing sentences."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench import units
from rnnbench.case import AXES, Case
from rnnbench.cli.display.columns import Column, show
from rnnbench.cli.display.requirements import tell
from rnnbench.cli.display.terminal import console, shown, whole_figures
from rnnbench.device.load import is_quiet
from rnnbench.record import STATUSES, Record, Run

if TYPE_CHECKING:
    from rnnbench.gate.requirements import Requirement

MOST_ANSWERS = 3
IMPRECISE = "wanted ±"
_NOTES = {
    "contended": "shared the machine with other processes. Close them, or repeat with --processes 5.",
    IMPRECISE: "missed the wanted precision within the budget. Raise --case-budget, or measure on a quieter machine.",
}
"""What a word in a record's notes means for the whole run, after "3 of 12 cases"."""


def plan(rows: Sequence[tuple[Case, int, float]], device: str) -> None:
    """The cases of a run that was not started, with the time that each should take."""
    spans: dict[Case, list[float]] = {}
    for case, _, span in rows:
        spans.setdefault(case, []).append(span)
    cases = list(spans)
    axes = [name for name in AXES if name == "variant" or len({getattr(case, name) for case in cases}) > 1]
    columns = [
        Column(
            name.replace("_size", "").replace("_", " "),
            [units.plain(getattr(case, name)) for case in cases],
            right=AXES[name].kind in (int, float),
            key=True,
        )
        for name in axes
    ]
    if any(len(each) > 1 for each in spans.values()):
        columns.append(Column("processes", [str(len(each)) for each in spans.values()], right=True))
    columns.append(Column("expected", [units.duration(sum(each)) for each in spans.values()], right=True))
    if cases:
        show(columns)
    total = units.duration(sum(span for _, _, span in rows))
    console().print(f"\n{_count(len(cases), 'case')} on {shown(device)}, about {total}. Nothing was measured or written.")


def end(run: Run, folder: Path, page: Path | None, requirements: "Sequence[Requirement]" = ()) -> None:
    """The closing screen of a run: a table for each suite, the answer, how the cases ended, and where everything is."""
    from rnnbench.cli.display.result_table import tables
    from rnnbench.gate.requirements import judge
    from rnnbench.reports.requirements import cell

    out, judged = console(), judge(run, requirements) if requirements else []
    verdicts = {str(one.subject.case): cell(one, requirements) for one in judged}
    for about, table in tables(run, verdicts):
        out.print(f"[bold]{shown(about['title'])}[/]: {shown(about['question'])}")
        left = show(table.columns, table.styles)
        if note := "" if "±" in left else table.note:
            out.print(f"[dim]{note}[/]")
        if left:
            out.print(f"[dim]Not shown at this width: {shown(', '.join(left))}.[/]")
        out.print()
    for sentence in (*_answers(run), *_sentences(run)):
        out.print(whole_figures(sentence))
    if requirements:
        tell(judged, requirements)
    out.print(f"records  {shown(folder)}", soft_wrap=True)
    if page:
        out.print(f"report   {shown(page)}", soft_wrap=True)


def _answers(run: Run) -> Iterable[str]:
    """What the report says first."""
    from rnnbench.reports.content import views
    from rnnbench.reports.topics.order import sentences

    for view in views([run]):
        for one in [one for one in sentences(view) if one.kind == "answer"][:MOST_ANSWERS]:
            yield shown(one.text)


def _sentences(run: Run) -> Iterable[str]:
    """How the cases ended, and what to do about those that did not go well."""
    ends = statuses(run)
    counts = Counter(ends.values())
    planned = max(len({_planned_case(entry) for entry in run.planned}), len(ends))
    others = "".join(f", {count} {status}" for status, count in counts.items() if status != "ok")
    missing = f", {planned - len(ends)} not run" if planned > len(ends) else ""
    yield f"{counts['ok']} of {_count(planned, 'case')} measured{_each(run)}{others}{missing}; {_time(run)}."
    for status in counts:
        if status != "ok":
            example = next(record for record in run.records if record.status == status)
            yield f"[{_colour(status)}]{status}[/] ({STATUSES[status]}): {shown(example.reason)}"
    warned = not is_quiet(run.arguments.get("load_at_start") or {})  # as it began: what that costs was said then
    for mark, sentence in _NOTES.items():
        if warned and mark == IMPRECISE:
            continue
        count = len({str(record.case) for record in run.records if any(mark in note for note in record.notes)})
        if count:
            yield f"[yellow]{count} of {_count(len(ends), 'case')}[/] {sentence}"
    if run.interrupted:
        yield f"Interrupted. All finished records are kept; continue with: rnnbench run --resume {shown(run.id)}"


def statuses(run: Run) -> dict[str, str]:
    """How each case ended: ok where any of its processes measured it, as pages count it."""
    found: dict[str, str] = {}
    for record in run.records:
        case = str(record.case)
        if found.get(case) != "ok":
            found[case] = record.status if record.status == "ok" else found.get(case, record.status)
    return found


def _planned_case(entry: object) -> str:
    return str(entry.get("id") or entry.get("case")) if isinstance(entry, dict) else str(entry)


def _each(run: Run) -> str:
    """In how many processes, where they are several."""
    many = [len(records) for records in run.by_case().values()]
    most = max(many, default=1)
    return "" if most == 1 else f" in {most} processes each" if min(many) == most else f" in up to {most} processes each"


def _time(run: Run) -> str:
    wall = (datetime.fromisoformat(run.finished_utc) - datetime.fromisoformat(run.started_utc)).total_seconds()
    timed = sum(_timed(record) for record in run.records)
    share = f", {timed / wall:.0%} of it timed rounds" if wall > 0 and timed else ""
    return f"{units.duration(wall)}{share}"


def _timed(record: Record) -> float:
    return record.metrics.get("measured_s", 0) + sum(record.beside_times_s)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"


def _colour(status: str) -> str:
    return "yellow" if status == "unsupported" else "red"
