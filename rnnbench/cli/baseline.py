"""`rnnbench baseline`: keep a run as a small file that is committed and compared with."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli.app import GATE, app
from rnnbench.cli.compare import NAMED, Results
from rnnbench.cli.display.output import say, say_error
from rnnbench.errors import CannotWrite, UsageError

baselines = typer.Typer(no_args_is_help=True, help="Save a run as a small baseline file to commit and compare against.")
app.add_typer(baselines, name="baseline", rich_help_panel=GATE)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The baseline's name.")]


@baselines.command()
def save(
    name: Name,
    run: Annotated[str, typer.Argument(metavar="RUN", help=NAMED)] = "latest",
    only: Annotated[str, typer.Option(help="deterministic: exact figures only, which hold on every machine.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a baseline of that name.")] = False,
    results: Results = Path("results"),
) -> None:
    """Write results/baselines/NAME.json from a run."""
    from rnnbench.gate.baseline import baseline_path, baseline_text
    from rnnbench.gate.sources import side
    from rnnbench.journal import replace_whole

    if only not in ("", "deterministic"):
        raise UsageError(f"--only {only!r} is invalid: write deterministic, or leave it out")
    path = baseline_path(results, name)
    found = side(run, results)
    if not found.cases:
        raise UsageError(f"{found.label!r} holds no case to keep")
    if path.exists() and not force:
        raise UsageError(f"baseline {name!r} exists; replace it with --force")
    if found.left_out:
        say_error(f"{found.label} left out {len(found.left_out)} cases by --since: this baseline does not hold them")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(path, baseline_text(found, exact_only=only == "deterministic").encode())
    except OSError as error:
        raise CannotWrite(path, error.strerror or error) from None
    say(path)


@baselines.command("list")
def list_(results: Results = Path("results")) -> None:
    """Name the baselines, a line each: name, cases, when and from what."""
    from rnnbench.gate.baseline import names, read_baseline

    found_names = names(results)
    if not found_names:
        say_error(f"{str(results)!r} keeps no baseline yet: rnnbench baseline save NAME makes one of the newest run")
    for name in found_names:
        found = read_baseline(results, name)
        say(f"{name}\t{len(found.cases)} cases\t{found.taken_utc}\t{str(found.commit.get('hash', ''))[:10]}")


@baselines.command()
def show(name: Name, results: Results = Path("results")) -> None:
    """Show what a baseline holds."""
    from statistics import median

    from rich.table import Table

    from rnnbench import units
    from rnnbench.cli.display.terminal import console, shown
    from rnnbench.gate.baseline import read_baseline
    from rnnbench.record import METRICS

    found, out = read_baseline(results, name), console()
    for case in found.cases.values():
        out.print(f"[bold]{shown(case.id)}[/]" + ("" if case.status == "ok" else f"  {case.status}: {shown(case.reason)}"), soft_wrap=True)
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
        for metric, values in case.values.items():
            many = f"{len(values)} processes" if len(values) > 1 else ""
            label = METRICS[metric].label if metric in METRICS else metric
            table.add_row("", shown(label), units.show(metric, median(values.values())), many)
        if table.row_count:
            out.print(table)
