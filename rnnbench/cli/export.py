"""`rnnbench export`: a run in another tool's format, or sent to an experiment tracker."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli.app import GATE, app
from rnnbench.cli.compare import NAMED, Results, known_format
from rnnbench.cli.display.output import say
from rnnbench.errors import UsageError

EXPORTED = ("gab-smaller", "gab-bigger", "bmf", "otava-csv", "openmetrics", "pytest-benchmark")
TO = "Send it to a tracker instead: mlflow:URI, tensorboard:FOLDER or wandb:PROJECT."


@app.command(rich_help_panel=GATE)
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help=NAMED)],
    format_: Annotated[str, typer.Option("--format", "-f", help=f"{', '.join(EXPORTED)}.")] = "",
    to: Annotated[str, typer.Option(metavar="TRACKER:ADDRESS", help=TO)] = "",
    metric: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Metric to export. Default: the format's. Repeatable.")] = None,
    select: Annotated[
        str, typer.Option(metavar="EXPR", help="""Export only cases that match an expression: 'variant == "lstm" and depth > 2'.""")
    ] = "",
    results: Results = Path("results"),
) -> None:
    """Print a run's figures in another tool's format, or send the run to MLflow, TensorBoard or Weights & Biases."""
    if bool(format_) == bool(to):
        raise UsageError(f"export needs either --format ({', '.join(EXPORTED)}) or --to, and not both")
    if to:
        _send(run, results, to, metric or [], select)
        return
    known_format(format_, EXPORTED)
    say(_exported(run, results, format_, metric or [], select), nl=False)


def _send(name: str, results: Path, to: str, metrics: list[str], select: str) -> None:
    from rnnbench.analysis.frames import load_runs
    from rnnbench.files import find_run
    from rnnbench.reports.words import count
    from rnnbench.trackers import opened
    from rnnbench.trackers.entries import sending

    folder = find_run(name, results)
    what, send = sending(load_runs([folder])[0], metrics, select), opened(to)
    sent, there, where = send(what)
    also = f"; {there} {'was' if there == 1 else 'were'} there already" if there else ""
    say(f"{count(sent, 'case')} of {what.run} sent to {where}{also}")


def _exported(name: str, results: Path, format_: str, metrics: list[str], select: str) -> str:
    from rnnbench.gate.formats.exports import exported
    from rnnbench.gate.sources import side

    if format_ == "pytest-benchmark":
        return _pytest_benchmark(name, results, metrics, select)
    return exported(side(name, results), format_, metrics, select).rstrip("\n") + "\n"


def _pytest_benchmark(name: str, results: Path, metrics: list[str], select: str) -> str:
    import json
    from dataclasses import replace

    from rnnbench.analysis.frames import load_run
    from rnnbench.choose import selector
    from rnnbench.files import find_run
    from rnnbench.runs.export import benchmark_json

    if any(one != "step_time_s" for one in metrics):
        raise UsageError(f"--metric {metrics[0]} does not fit pytest-benchmark's format, which holds step times only; leave it out")
    run, keep = load_run(find_run(name, results)), selector(select)
    chosen = tuple(one for one in run.records if keep is None or keep(one.case))
    if keep is not None and not chosen:
        raise UsageError(f"nothing of {run.id!r} is left to export as pytest-benchmark: --select {select!r} matches none of its cases")
    return json.dumps(benchmark_json(replace(run, records=chosen)), indent=1) + "\n"
