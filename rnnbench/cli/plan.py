"""`rnnbench plan`: predicted memory, FLOPs and time of a suite, here or on another machine."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli.app import MEASURE, app
from rnnbench.cli.options import Given, requested, takes
from rnnbench.cli.output import say, say_error

if TYPE_CHECKING:
    from rnnbench.runs.planning import Forecast


@app.command(rich_help_panel=MEASURE)
@takes(
    *("suite", "device", "preset", "sets", "select", "plugin", "results", "as_json"),
    results=(None, "Folder of runs, where the machine's ceilings are kept."),
)
def plan(
    given: Given,
    machine: Annotated[
        str | None, typer.Option(metavar="NAME", help="Predict for another machine: h100, h100-pcie, a100, a100-40gb, t4.")
    ] = None,
) -> None:
    """Predict parameters, memory, FLOPs and time of every case, and mark what will not fit. Measures no case."""
    from rnnbench import datasheets
    from rnnbench.runs.planning import FACTOR, forecast

    request = requested(given, device=given["device"] or ("cpu" if machine else None))
    found = forecast(request, datasheets.machine(machine) if machine else None)
    if found.busy:
        say_error("other processes were busy while the ceilings were measured: times are overestimated, and the ceilings are not kept")
    if given["as_json"]:
        rows = [{**one.figures, "step_s": one.step_s, "bound": one.bound, "fits": one.fits, "why_not": one.why_not} for one in found.rows]
        about = {
            "machine": found.machine,
            "source": found.source,
            "memory_bytes": found.memory_bytes,
            "within_factor": FACTOR,
            "busy": found.busy,
        }
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
        if "unknown" in figures:
            known = [f"{figures['parameters']:,}" if "parameters" in figures else "", "", units.show("step_flops", figures.get("flops"))]
            table.add_row(*axes, *known, "", f"[yellow]{shown(row.why_not)}[/]")
            continue
        bound = row.bound if row.fits and row.bound else f"[red]{shown(row.why_not)}[/]"
        flops, time = units.show("step_flops", figures["flops"]), units.show("step_time_s", row.step_s)
        table.add_row(*axes, f"{figures['parameters']:,}", units.binary_bytes(figures["total_bytes"]), flops, time, bound)
    out = console()
    out.print(table)
    out.print(
        f"\n{shown(found.machine)}, {units.binary_bytes(found.memory_bytes)}; ceilings: {shown(found.source)}."
        f" Times are meant to be within a factor of {factor:g}. Nothing was measured or recorded."
    )
