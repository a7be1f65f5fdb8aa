"""`rnnbench measure`: a model of the user's own, named as MODULE:FUNCTION."""

from typing import Annotated

import typer

from rnnbench.cli.app import MEASURE, app
from rnnbench.cli.options import Given, requested, takes
from rnnbench.cli.run import carry_out
from rnnbench.errors import BadExpression

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODULE:FUNCTION…",
        help="A function that returns a module, or (module, batch, loss, optimizer): mypkg.models:make, or models.py:make.",
    ),
]


@app.command(rich_help_panel=MEASURE)
@takes(
    *("device", "preset", "sets", "select", "since", "every_case"),
    *("case_budget", "precision_goal", "min_rounds", "processes", "case_timeout", "max_time", "threads", "pin"),
    *("resume", "wait", "results", "reports", "no_report", "dry_run", "as_json"),
)
def measure(given: Given, model: Models) -> None:
    """Measure your own model: its forward pass and training step, for each combination of precision, clip_norm and parameters of your
    function (--set)."""
    from rnnbench.own_model import is_own

    for name in model:
        if not is_own(name):
            raise BadExpression("MODEL", name, "write MODULE:FUNCTION or FILE.py:FUNCTION, for instance mypkg.models:make")
    carry_out(requested(given, suites=tuple(model)), given)
