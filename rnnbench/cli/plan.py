"""`rnnbench plan`: what a suite will hold, ask for and take, here or on a machine that is elsewhere."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import MEASURE, app
from rnnbench.cli.saying import say

if TYPE_CHECKING:
    from rnnbench.runs.planning import Forecast


@app.command(rich_help_panel=MEASURE)
def plan(
    suite: Annotated[list[str] | None, typer.Option("--suite", "-s", help="A suite's name, or a path to bench_*.py.")] = None,
    machine: Annotated[str | None, typer.Option(help="A machine that is elsewhere: h100, h100-pcie, a100, a100-40gb, t4.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1. Default: CUDA where it is.")] = None,
    preset: Annotated[str, typer.Option(help="Size of the cases: quick, standard, full.")] = "standard",
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="AXIS=V,V", help="Override an axis: depth=2,4.")] = None,
    select: Annotated[str, typer.Option(metavar="EXPR", help="""Keep cases: 'variant == "lstm"'.""")] = "",
    plugin: Annotated[list[str] | None, typer.Option(metavar="FILE", help="A Python file with variants of your own. It is run.")] = None,
    results: Annotated[Path, typer.Option(help="Folder of runs, where the machine's ceilings are kept.")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Predict parameters, memory, FLOPs and time of every case, and mark what will not fit. Measures no case."""
    from rnnbench import datasheets
    from rnnbench.runs.planning import FACTOR, forecast
    from rnnbench.runs.request import Request

    request = Request(
        suites=tuple(suite or ()),
        device=device or ("cpu" if machine else None),
        preset=preset,
        sets=tuple(sets or ()),
        select=select,
        plugins=tuple(plugin or ()),
        results=results,
        command=("rnnbench", *sys.argv[1:]),
    )
    found = forecast(request, datasheets.machine(machine) if machine else None)
    if as_json:
        rows = [{**one.figures, "step_s": one.step_s, "bound": one.bound, "fits": one.fits, "why_not": one.why_not} for one in found.rows]
        about = {"machine": found.machine, "source": found.source, "memory_bytes": found.memory_bytes, "within_factor": FACTOR}
        say(json.dumps({**about, "cases": rows}, indent=1))
        return
    _show(found, FACTOR)


def _show(found: "Forecast", factor: float) -> None:
    from rich.table import Table

    from rnnbench import units
    from rnnbench.case import AXES
    from rnnbench.cli.terminal import console, shown

    cases = [row.case for row in found.rows]
    varying = [name for name in AXES if name == "variant" or len({getattr(case, name) for case in cases}) > 1]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in (*(name.replace("_size", "").replace("_", " ") for name in varying), "weights", "holds", "FLOPs", "time", "bound"):
        table.add_column(head, justify="left" if head in ("variant", "phase", "precision", "bound") else "right", no_wrap=True)
    for row in found.rows:
        axes = [str(getattr(row.case, name)) for name in varying]
        if "unsupported" in row.figures:
            table.add_row(*axes, "", "", "", "", f"[yellow]{shown(row.why_not)}[/]")
            continue
        figures = row.figures
        bound = row.bound if row.fits and row.bound else f"[red]{shown(row.why_not)}[/]"
        flops, time = units.show("step_flops", figures["flops"]), units.show("step_time_s", row.step_s)
        table.add_row(*axes, f"{figures['parameters']:,}", units.binary_bytes(figures["total_bytes"]), flops, time, bound)
    out = console()
    out.print(table)
    out.print(
        f"\n{shown(found.machine)}, {units.binary_bytes(found.memory_bytes)}; ceilings: {shown(found.source)}."
        f" Times are meant to be within a factor of {factor:g}. Nothing was measured or recorded."
    )
