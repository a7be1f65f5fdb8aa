"""`rnnbench run`: measure suites, leave records and a report."""

import json
import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from rnnbench.cli.app import MEASURE, app
from rnnbench.cli.display.output import say, say_error
from rnnbench.cli.display.requirements import required, with_rounds_for
from rnnbench.cli.options import EVERY, Given, requested, takes
from rnnbench.errors import EXIT_CASES_FAILED, EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, EXIT_OK, CannotWrite, UsageError

if TYPE_CHECKING:
    from rnnbench.gate.requirements import Requirement
    from rnnbench.runs.conduct import Finished
    from rnnbench.runs.prepare import Prepared
    from rnnbench.runs.request import Request

FINE = ("ok", "unsupported")


@app.command(rich_help_panel=MEASURE)
@takes(*EVERY)
def run(given: Given) -> None:
    """Measure suites on this machine: a fresh process for each case, a record for each outcome, a report at the end."""
    suites, sets, plugins = given["suite"] or (), given["sets"] or (), given["plugin"] or ()
    if given["data"] is not None:  # a task of its own, which the measuring processes read
        from rnnbench.own_data import learned
        from rnnbench.registry import user_path

        own, plugins = learned(user_path(given["data"]), sets, plugins)
        if not given["resume"]:
            sets, suites = own, suites or ["own_data"]
    more: dict[str, Any] = {}
    if given["tuned"] is not None:
        from rnnbench.runs.tuning.tuned_file import read

        if given["resume"]:
            raise UsageError("--tuned applies to new runs; a run that goes on keeps the settings it started with")
        more["adjust"] = read(given["tuned"])
    carry_out(requested(given, suites=tuple(suites), sets=tuple(sets), plugins=tuple(plugins), **more), given)


def carry_out(request: "Request", given: Given) -> None:
    """Measure what a request asks for, with a progress bar, and write the report. Raises typer.Exit with the exit status."""
    from rnnbench.cli.display.progress import Progress
    from rnnbench.runs.conduct import conduct
    from rnnbench.runs.prepare import prepared

    reports, no_report, as_json = given["reports"], given["no_report"], given["as_json"]
    signal.signal(signal.SIGTERM, _as_ctrl_c)  # `kill`, a batch system, a container that is stopped
    ended, requirements = [], required(given.get("require"))
    request = with_rounds_for(request, requirements)
    try:
        for each in _on_each(request):
            with prepared(each) as ready:
                for remark in ready.remarks:
                    say_error(remark)
                if given["dry_run"]:
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
        _show_ends(ended, as_json, requirements)
        raise typer.Exit(max(_exit_code(finished, requirements) for finished, _ in ended))


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
    from rnnbench.analysis.frames import load_runs
    from rnnbench.reports.forms.page import write_report

    return write_report(load_runs([finished.folder]), reports)


def _show_plan(ready: "Prepared", as_json: bool) -> None:
    from rnnbench.cli.display import screens
    from rnnbench.runs.plan import expected_s, past_durations_s

    history = past_durations_s(ready.request.results, ready.plan.budget)
    left = [(case, process) for case, process in ready.plan.tasks if (str(case), process) not in ready.done]
    rows = [(case, process, expected_s(case, ready.plan.budget, history)) for case, process in left]
    if as_json:
        plan = [{"id": str(case), "process": process, "expected_s": round(span, 3)} for case, process, span in rows]
        say(json.dumps({"device": ready.device, "expected_s": round(sum(row[2] for row in rows), 1), "cases": plan}, indent=1))
    else:
        screens.plan(rows, ready.device)


def _show_ends(ended: Sequence[tuple["Finished", Path | None]], as_json: bool, requirements: "Sequence[Requirement]") -> None:
    from rnnbench.cli.display import screens

    if as_json:
        told = [_summary(finished, page, requirements) for finished, page in ended]
        say(json.dumps(told[0] if len(told) == 1 else {"runs": told}, indent=1))
        return
    for finished, page in ended:
        screens.end(finished.run, finished.folder, page, requirements)


def _summary(finished: "Finished", page: Path | None, requirements: "Sequence[Requirement]") -> dict[str, Any]:
    run = finished.run
    rows = [
        {"id": str(one.case), "process": one.process, "status": one.status, "reason": one.reason, "metrics": dict(one.metrics)}
        for one in run.records
    ]
    where: dict[str, Any] = {"run": run.id, "folder": str(finished.folder), "report": str(page) if page else None}
    left_out = [{"id": str(case), "process": process} for case, process in finished.left_out]
    if requirements:
        from rnnbench.gate.requirements import judge
        from rnnbench.reports.requirements import as_json

        where |= {"requirements": as_json(judge(run, requirements), requirements)}
    return {**where, "interrupted": run.interrupted, "planned": len(run.planned), "records": rows, "left_out": left_out}


def _exit_code(finished: "Finished", requirements: "Sequence[Requirement]" = ()) -> int:
    """How the cases ended; where all went well, what the requirements came to."""
    if finished.run.interrupted:
        return EXIT_INTERRUPTED
    if any(record.status not in FINE for record in finished.run.records):
        return EXIT_CASES_FAILED
    if len(finished.run.records) < len(finished.run.planned):  # --max-time left some out
        return EXIT_INCONCLUSIVE
    if not requirements:
        return EXIT_OK
    from rnnbench.gate.requirements import exit_code, judge

    return exit_code(judge(finished.run, requirements))
