"""`rnnbench run`: measure suites, leave records and a report."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnbench.budget import PRESETS
from rnnbench.cli import app
from rnnbench.errors import EXIT_CASES_FAILED, EXIT_INTERRUPTED, EXIT_OK

if TYPE_CHECKING:
    from rnnbench.runs.conduct import Finished, Prepared

FINE = ("ok", "unsupported")
WHAT, HOW, WHERE = "What to measure", "How carefully", "Where it goes"


@app.command()
def run(
    suite: Annotated[
        list[str], typer.Option("--suite", "-s", help="A suite's name, or the path of a bench_*.py file.", rich_help_panel=WHAT)
    ],
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1. Default: CUDA where it is.", rich_help_panel=WHAT)] = None,
    preset: Annotated[str, typer.Option(help=f"Size and care: {', '.join(PRESETS)}.", rich_help_panel=WHAT)] = "standard",
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="AXIS=V,V", help="Override an axis: depth=2,4,8.", rich_help_panel=WHAT)
    ] = None,
    select: Annotated[
        str, typer.Option(metavar="EXPR", help="""Keep cases: 'variant == "lstm" and depth > 2'.""", rich_help_panel=WHAT)
    ] = "",
    plugin: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="A Python file with variants of your own. It is run.", rich_help_panel=WHAT)
    ] = None,
    case_budget: Annotated[
        float | None, typer.Option(metavar="S", help="Most seconds of timed rounds a case.", rich_help_panel=HOW)
    ] = None,
    precision_goal: Annotated[
        float | None, typer.Option(metavar="R", help="Stop a case once its mean is known within ±R (0.01 is 1 %).", rich_help_panel=HOW)
    ] = None,
    min_rounds: Annotated[int | None, typer.Option(metavar="N", help="Fewest timed rounds a case.", rich_help_panel=HOW)] = None,
    processes: Annotated[int, typer.Option(min=1, help="Repeat each case in so many fresh processes.", rich_help_panel=HOW)] = 1,
    isolation: Annotated[
        str, typer.Option(help="process: a fresh one for each case. suite: cases share one.", rich_help_panel=HOW)
    ] = "process",
    case_timeout: Annotated[float, typer.Option(metavar="S", help="End a case after so many seconds.", rich_help_panel=HOW)] = 300.0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of torch.", rich_help_panel=HOW)] = None,
    results: Annotated[Path, typer.Option(help="Folder of runs.", rich_help_panel=WHERE)] = Path("results"),
    reports: Annotated[Path, typer.Option(help="Folder of reports.", rich_help_panel=WHERE)] = Path("reports"),
    no_report: Annotated[bool, typer.Option("--no-report", help="Leave no HTML report.", rich_help_panel=WHERE)] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the cases and the time they should take.", rich_help_panel=WHERE)
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary for scripts.", rich_help_panel=WHERE)] = False,
) -> None:
    """Measure suites on this machine: a fresh process for each case, a record for each outcome, a report at the end."""
    from rnnbench.runs.conduct import Request, conduct, prepared

    request = Request(
        suites=tuple(suite),
        device=device,
        preset=preset,
        sets=tuple(sets or ()),
        select=select,
        plugins=tuple(plugin or ()),
        results=results,
        budget={"max_time_s": case_budget, "precision": precision_goal, "min_rounds": min_rounds},
        isolation=isolation,
        processes=processes,
        case_timeout_s=case_timeout,
        threads=threads,
        command=("rnnbench", *sys.argv[1:]),
    )
    with prepared(request) as ready:
        if dry_run:
            return _show_plan(ready, as_json)
        from rnnbench.cli.progress import Progress

        with Progress(ready) as progress:
            finished = conduct(ready, progress)
    page = None if no_report or not finished.run.records else _write_report(finished, reports)
    _show_end(finished, page, as_json)
    raise typer.Exit(_exit_code(finished))


def _write_report(finished: "Finished", reports: Path) -> Path:
    from rnnbench.analysis.store import load_runs
    from rnnbench.reports.page import write_report

    return write_report(load_runs([finished.folder]), reports)


def _show_plan(ready: "Prepared", as_json: bool) -> None:
    from rnnbench.cli import screens
    from rnnbench.runs.plan import expected_s, past_durations_s

    history = past_durations_s(ready.request.results, ready.plan.budget)
    rows = [(case, process, expected_s(case, ready.plan.budget, history)) for case, process in ready.plan.tasks]
    if as_json:
        plan = [{"id": str(case), "process": process, "expected_s": round(span, 3)} for case, process, span in rows]
        typer.echo(json.dumps({"device": ready.device, "expected_s": round(sum(row[2] for row in rows), 1), "cases": plan}, indent=1))
    else:
        screens.plan(rows, ready.device)


def _show_end(finished: "Finished", page: Path | None, as_json: bool) -> None:
    from rnnbench.cli import screens

    if as_json:
        typer.echo(json.dumps(_summary(finished, page), indent=1))
    else:
        screens.end(finished.run, finished.folder, page)


def _summary(finished: "Finished", page: Path | None) -> dict[str, Any]:
    run = finished.run
    rows = [
        {"id": str(one.case), "process": one.process, "status": one.status, "reason": one.reason, "metrics": dict(one.metrics)}
        for one in run.records
    ]
    where = {"run": run.id, "folder": str(finished.folder), "report": str(page) if page else None}
    return {**where, "interrupted": run.interrupted, "planned": len(run.planned), "records": rows}


def _exit_code(finished: "Finished") -> int:
    if finished.run.interrupted:
        return EXIT_INTERRUPTED
    return EXIT_OK if all(record.status in FINE for record in finished.run.records) else EXIT_CASES_FAILED
