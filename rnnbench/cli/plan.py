"""`rnnbench plan`: predicted memory, FLOPs and time of a suite, here or on another machine."""

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnbench.cli.app import MEASURE, app
from rnnbench.cli.display.output import say, say_error
from rnnbench.cli.options import Given, requested, takes
from rnnbench.datasheets import MACHINES

if TYPE_CHECKING:
    from rnnbench.runs.planning import Forecast, Prediction


@app.command(rich_help_panel=MEASURE)
@takes(
    *("suite", "device", "preset", "sets", "select", "plugin", "results", "as_json"),
    results=(None, "Folder of runs, where the machine's ceilings are kept."),
)
def plan(
    given: Given,
    machine: Annotated[str | None, typer.Option(metavar="NAME", help=f"Predict for another machine: {', '.join(MACHINES)}.")] = None,
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
    from rnnbench import units
    from rnnbench.axis import written
    from rnnbench.case import AXES
    from rnnbench.cli.display.columns import Column, show

    cases = [row.case for row in found.rows]
    varying = [name for name in AXES if name == "variant" or len({getattr(case, name) for case in cases}) > 1]
    columns = [
        Column(_head(name), [written(getattr(case, name)) for case in cases], right=AXES[name].kind in (int, float), key=True)
        for name in varying
    ]
    columns += [
        Column("time", [_time(row) for row in found.rows], right=True),
        Column("memory", [_figure(row, "total_bytes", units.binary_bytes) for row in found.rows], right=True),
        Column("note", [_note(row) for row in found.rows]),
        Column("bound", [row.bound for row in found.rows], optional=True),
        Column("parameters", [_figure(row, "parameters", "{:,}".format) for row in found.rows], right=True, optional=True),
        Column("FLOPs", [_figure(row, "flops", partial(units.show, "step_flops")) for row in found.rows], right=True, optional=True),
    ]
    show(columns, ["red" if row.fits is False else "yellow" if row.why_not else "" for row in found.rows])
    say("")
    reasons = Counter(row.why_not for row in found.rows if row.why_not)
    for why, count in reasons.most_common():
        say(f"{count} of {len(found.rows)} cases: {why}")
    steps = " The time of a training is that of all its steps." if any(row.steps for row in found.rows) else ""
    say(
        f"{found.machine}, {units.binary_bytes(found.memory_bytes)}; ceilings: {found.source}. Times are meant to be within a factor of"
        f" {factor:g}.{steps} Nothing was measured or recorded."
    )


def _head(axis: str) -> str:
    return axis.replace("_size", "").replace("_", " ")


def _time(row: "Prediction") -> str:
    from rnnbench import units

    if row.step_s is None:
        return ""
    return units.show("step_time_s", row.step_s * row.steps if row.steps else row.step_s)


def _figure(row: "Prediction", name: str, text: "Callable[[Any], str]") -> str:
    value = row.figures.get(name)
    return "" if value is None or "unsupported" in row.figures else text(value)


def _note(row: "Prediction") -> str:
    """A word; the reasons stand below the table."""
    if not row.why_not:
        return f"{row.steps:,} steps" if row.steps else ""
    return "unsupported" if "unsupported" in row.figures else "unknown" if row.step_s is None else "will not fit"
