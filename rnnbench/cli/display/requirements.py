"""`--require`: requirement results on the terminal, and the exit status that follows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.budget import TAIL_ROUNDS, Budget
from rnnbench.cli.display.output import say

if TYPE_CHECKING:
    from rnnbench.gate.requirements import Judged, Requirement
    from rnnbench.record import Run
    from rnnbench.runs.request import Request

HELP = (
    "Require that a case meets this limit: 'p99_s < 2ms', 'activation_bytes < 1GiB and depth >= 4'. Repeatable."
    " Exit status 3: no case meets all. 4: undecided."
)
Require = Annotated[list[str] | None, typer.Option("--require", metavar="EXPR", help=HELP)]


def required(texts: Sequence[str] | None) -> "tuple[Requirement, ...]":
    """The requirements, read before anything else is done."""
    if not texts:
        return ()
    from rnnbench.gate.requirements import parse

    return parse(texts)


def with_rounds_for(request: "Request", requirements: "Sequence[Requirement]") -> "Request":
    """The request with enough rounds for every percentile that a requirement names. A resumed run keeps its budget."""
    needed = max((TAIL_ROUNDS.get(name, 0) for one in requirements for name in one.metrics), default=0)
    if request.resume or Budget.of(request.preset, request.budget).min_rounds >= needed:
        return request
    return replace(request, budget={**request.budget, "min_rounds": needed})


def show_judged(run: "Run", requirements: "Sequence[Requirement]", *, table: bool = True, err: bool = False) -> int:
    """A row per case with its figures and its outcome, then the sentence; returns the exit status."""
    from rnnbench.gate.requirements import exit_code, judge

    judged = judge(run, requirements)
    if table and judged:
        _table(judged, requirements)
    tell(judged, requirements, err=err)
    return exit_code(judged)


def tell(judged: "Sequence[Judged]", requirements: "Sequence[Requirement]", *, err: bool = False) -> None:
    """The sentence and what it rests on."""
    from rnnbench.reports.requirements import headline, notes

    for line in (headline(judged, requirements), *notes(judged, requirements)):
        say(line, err=err)


def _table(judged: "Sequence[Judged]", requirements: "Sequence[Requirement]") -> None:
    from rnnbench.cli.display.columns import Column, show
    from rnnbench.reports.requirements import COLOURS, cell, figures, labels

    columns = [
        Column("case", labels(judged), key=True),
        Column("figures", [figures(one, requirements) for one in judged], optional=True),
        Column("requirements", [cell(one, requirements) for one in judged]),
    ]
    show(columns, [COLOURS[one.outcome] for one in judged])
    say("")
