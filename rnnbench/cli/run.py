"""`rnnbench run`: measure suites, leave records and a report."""

import json
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnbench.budget import PRESETS
from rnnbench.cli import MEASURE, app
from rnnbench.cli.saying import say
from rnnbench.cli.sizes import byte_count
from rnnbench.errors import EXIT_CASES_FAILED, EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, EXIT_OK, CannotWrite, UsageError
from rnnbench.runs.request import CASE_TIMEOUT_S

if TYPE_CHECKING:
    from rnnbench.runs.conduct import Finished
    from rnnbench.runs.prepare import Prepared
    from rnnbench.runs.request import Request

FINE = ("ok", "unsupported")


def _option(panel: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, rich_help_panel=panel, **more)


WHAT, HOW, ON, WHERE = "What to measure", "How carefully", "Going on and waiting", "Where it goes"
SPREAD = "Over a cluster"

Suites = Annotated[list[str] | None, _option(WHAT, "--suite", "-s", help="A suite's name, or a path to bench_*.py. May be given again.")]
DeviceName = Annotated[str | None, _option(WHAT, help="cpu, cuda, cuda:1. Default: CUDA where it is.")]
Preset = Annotated[str, _option(WHAT, help=f"Size and care: {', '.join(PRESETS)}.")]
Sets = Annotated[list[str] | None, _option(WHAT, "--set", metavar="AXIS=V,V", help="Override an axis: depth=2,4,8. May be given again.")]
Select = Annotated[str, _option(WHAT, metavar="EXPR", help="""Keep cases: 'variant == "lstm" and depth > 2'.""")]
Plugins = Annotated[list[str] | None, _option(WHAT, metavar="FILE", help="A Python file with variants of your own. It is run.")]
DataFile = Annotated[
    Path | None, _option(WHAT, metavar="FILE", help="Data of your own to learn: pairs.tsv, series.csv or text.txt. Suite own_data.")
]
CaseBudget = Annotated[float | None, _option(HOW, metavar="S", help="Most seconds of timed rounds a case.")]
Goal = Annotated[float | None, _option(HOW, metavar="R", help="Stop a case once its mean is known within ±R (0.01 is 1 %).")]
MinRounds = Annotated[int | None, _option(HOW, metavar="N", help="Fewest timed rounds a case.")]
Processes = Annotated[int, _option(HOW, min=1, help="Repeat each case in so many fresh processes, in random order.")]
Isolation = Annotated[str, _option(HOW, help="process: a fresh one for each case. suite: cases share one.")]
Timeout = Annotated[
    float | None, _option(HOW, metavar="S", min=0.1, help=f"End a case after so many seconds. Default: {CASE_TIMEOUT_S:g}.")
]
MaxTime = Annotated[float | None, _option(HOW, metavar="S", min=1, help="End the run after so many seconds, shared out evenly.")]
Oversize = Annotated[bool, _option(HOW, "--skip-oversize", help="Record cases that will not fit in memory as unsupported.")]
MemoryLimit = Annotated[str | None, _option(HOW, metavar="SIZE", help="Most memory that a case may take on the host: 8GiB.")]
Threads = Annotated[int | None, _option(HOW, min=1, help="CPU threads of torch.")]
Pin = Annotated[str | None, _option(HOW, metavar="CPUS", help="Keep the measuring processes on these CPUs: 0,1.")]
Resume = Annotated[str | None, _option(ON, metavar="RUN", help="Go on with the cases of a run that have no record.")]
Anyway = Annotated[bool, _option(ON, "--resume-anyway", help="Also where machine or commit differ; each record says so.")]
Wait = Annotated[bool, _option(ON, "--wait", help="Wait while another run measures on this device.")]
ExecutorName = Annotated[str, _option(SPREAD, help="local: this machine. ray: the machines of a Ray cluster. Default: local.")]
Address = Annotated[str | None, _option(SPREAD, metavar="HOST:PORT", help="The cluster's head, or auto. Default: one is started here.")]
On = Annotated[list[str] | None, _option(SPREAD, "--on", metavar="LABEL=VALUE", help="Only machines with this label. May be given again.")]
Cores = Annotated[int | None, _option(SPREAD, metavar="N", min=1, help="CPU cores of a case. Default: all of its machine's.")]
Share = Annotated[bool, _option(SPREAD, "--share", help="Several cases at a time on one machine, each on cores of its own.")]
OnEach = Annotated[bool, _option(SPREAD, "--replicate-on-each", help="Measure every case on every type of machine: a run each.")]
Results = Annotated[Path, _option(WHERE, help="Folder of runs.")]
Reports = Annotated[Path, _option(WHERE, help="Folder of reports.")]
NoReport = Annotated[bool, _option(WHERE, "--no-report", help="Leave no HTML report.")]
DryRun = Annotated[bool, _option(WHERE, "--dry-run", help="Show the cases and how long they should take; measure nothing.")]
AsJson = Annotated[bool, _option(WHERE, "--json", help="Print a summary for scripts.")]


@app.command(rich_help_panel=MEASURE)
def run(
    suite: Suites = None,
    device: DeviceName = None,
    preset: Preset = "standard",
    sets: Sets = None,
    select: Select = "",
    plugin: Plugins = None,
    data: DataFile = None,
    case_budget: CaseBudget = None,
    precision_goal: Goal = None,
    min_rounds: MinRounds = None,
    processes: Processes = 1,
    isolation: Isolation = "process",
    case_timeout: Timeout = None,
    max_time: MaxTime = None,
    skip_oversize: Oversize = False,
    memory_limit: MemoryLimit = None,
    threads: Threads = None,
    pin: Pin = None,
    resume: Resume = None,
    resume_anyway: Anyway = False,
    wait: Wait = False,
    executor: ExecutorName = "",
    address: Address = None,
    on: On = None,
    cores: Cores = None,
    share: Share = False,
    replicate_on_each: OnEach = False,
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    no_report: NoReport = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Measure suites on this machine: a fresh process for each case, a record for each outcome, a report at the end."""
    from rnnbench.cli.progress import Progress
    from rnnbench.runs.conduct import conduct
    from rnnbench.runs.prepare import prepared
    from rnnbench.runs.request import Request

    if data is not None:  # a task of its own, which the measuring processes read
        from rnnbench.own_data import learned
        from rnnbench.registry import user_path

        own, plugin = learned(user_path(data), sets or (), plugin or ())
        if not resume:
            sets, suite = own, suite or ["own_data"]
    request = Request(
        suites=tuple(suite or ()),
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
        max_time_s=max_time,
        skip_oversize=skip_oversize,
        memory_limit_bytes=byte_count("--memory-limit", memory_limit) if memory_limit else None,
        threads=threads,
        pin=pin,
        resume=resume,
        resume_anyway=resume_anyway,
        wait=wait,
        executor=executor,
        address=address,
        on=tuple(on or ()),
        cores=cores,
        share=share,
        replicate_on_each=replicate_on_each,
        command=("rnnbench", *sys.argv[1:]),
    )
    signal.signal(signal.SIGTERM, _as_ctrl_c)  # `kill`, a batch system, a container that is stopped
    ended = []
    try:
        for each in _on_each(request):
            with prepared(each) as ready:
                if dry_run:
                    _show_plan(ready, as_json)
                    continue
                if not no_report:
                    _check_folder(reports)
                with Progress(ready) as progress:
                    finished = conduct(ready, progress)
            ended.append((finished, None if no_report or not finished.run.records else _write_report(finished, reports)))
            if finished.run.interrupted:
                break
    except KeyboardInterrupt:  # before the first case, or a second Ctrl-C: what is on disk stays
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if ended:
        _show_ends(ended, as_json)
        raise typer.Exit(max(_exit_code(finished) for finished, _ in ended))


def _on_each(request: "Request") -> Iterable["Request"]:
    """The request, or one for each type of machine that its cluster has."""
    if not request.replicate_on_each or request.executor != "ray":
        return [request]
    if request.resume:
        raise UsageError("--replicate-on-each begins a run for each type of machine: take each of them up by itself with --resume")
    from rnnbench.runs.cluster.executor import machine_types

    return [replace(request, machine_type=name) for name in machine_types(request)]


def _check_folder(reports: Path) -> None:
    """Say that no report can be written before an hour is spent on its records. Makes nothing."""
    home = next(one for one in (reports, *reports.absolute().parents) if one.exists())
    if not home.is_dir():
        raise CannotWrite(reports, f"{str(home)!r} is not a folder")
    if not os.access(home, os.W_OK):
        raise CannotWrite(reports, "Permission denied")


def _as_ctrl_c(*_: object) -> None:
    raise KeyboardInterrupt


def _write_report(finished: "Finished", reports: Path) -> Path:
    from rnnbench.analysis.store import load_runs
    from rnnbench.reports.page import write_report

    return write_report(load_runs([finished.folder]), reports)


def _show_plan(ready: "Prepared", as_json: bool) -> None:
    from rnnbench.cli import screens
    from rnnbench.runs.plan import expected_s, past_durations_s

    history = past_durations_s(ready.request.results, ready.plan.budget)
    left = [(case, process) for case, process in ready.plan.tasks if (str(case), process) not in ready.done]
    rows = [(case, process, expected_s(case, ready.plan.budget, history)) for case, process in left]
    if as_json:
        plan = [{"id": str(case), "process": process, "expected_s": round(span, 3)} for case, process, span in rows]
        say(json.dumps({"device": ready.device, "expected_s": round(sum(row[2] for row in rows), 1), "cases": plan}, indent=1))
    else:
        screens.plan(rows, ready.device)


def _show_ends(ended: Sequence[tuple["Finished", Path | None]], as_json: bool) -> None:
    from rnnbench.cli import screens

    if as_json:
        told = [_summary(finished, page) for finished, page in ended]
        say(json.dumps(told[0] if len(told) == 1 else {"runs": told}, indent=1))
        return
    for finished, page in ended:
        screens.end(finished.run, finished.folder, page)


def _summary(finished: "Finished", page: Path | None) -> dict[str, Any]:
    run = finished.run
    rows = [
        {"id": str(one.case), "process": one.process, "status": one.status, "reason": one.reason, "metrics": dict(one.metrics)}
        for one in run.records
    ]
    where = {"run": run.id, "folder": str(finished.folder), "report": str(page) if page else None}
    left_out = [{"id": str(case), "process": process} for case, process in finished.left_out]
    return {**where, "interrupted": run.interrupted, "planned": len(run.planned), "records": rows, "left_out": left_out}


def _exit_code(finished: "Finished") -> int:
    if finished.run.interrupted:
        return EXIT_INTERRUPTED
    if any(record.status not in FINE for record in finished.run.records):
        return EXIT_CASES_FAILED
    return EXIT_OK if len(finished.run.records) >= len(finished.run.planned) else EXIT_INCONCLUSIVE  # --max-time left some out
