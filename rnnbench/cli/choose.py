"""`rnnbench choose`: a goal and limits in, a ranked answer out."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnbench.cli.app import MEASURE, app
from rnnbench.cli.display.output import say, say_error
from rnnbench.cli.display.requirements import required, with_rounds_for
from rnnbench.cli.options import Given, requested, takes
from rnnbench.errors import EXIT_INTERRUPTED, UsageError

if TYPE_CHECKING:
    from rnnbench.choosing.goals import Goal
    from rnnbench.choosing.state import State
    from rnnbench.reports.answer import Answer

KEPT = ("device", "preset", "sets", "select", "plugin", "data", "case_budget", "threads", "pin", "require")
"""Options that a choice keeps from its beginning."""
GOALS = "streaming, long-sequences, train-fast, small-memory, forecast, translate"


@app.command(rich_help_panel=MEASURE)
@takes(
    *("device", "preset", "sets", "select", "plugin", "data", "case_budget", "max_time"),
    *("threads", "pin", "resume", "wait", "wait_quiet", "results", "reports", "require", "no_report", "as_json"),
    data=(None, "Your own data: series.csv for the goal forecast, pairs.tsv for translate."),
    max_time=(None, "Maximum seconds for all stages. Default: 120 to 600, depending on the goal."),
    resume=(None, "Continue a choice that was interrupted: its id, or latest. Name no goal."),
)
def choose(
    given: Given,
    name: Annotated[str | None, typer.Argument(metavar="[GOAL]", help=f"What matters most: {GOALS}.", show_default=False)] = None,
) -> None:
    """Find the network for a goal. Predicts, measures every candidate briefly, then compares the finalists in turn, and says what to
    take, how sure that is, and what was not covered. Exit status 3: no candidate meets the limits. 4: undecided."""
    from rnnbench.choosing.conclusion import answer
    from rnnbench.choosing.goals import goal as goal_of
    from rnnbench.choosing.stages import Stages
    from rnnbench.cli.display.progress import Progress

    state = _state(name, given)
    goal = goal_of(state.asked["goal"])
    given = {**given, **{key: state.asked[key] for key in KEPT}}
    requirements = required(given["require"])
    limit_s = given["max_time"] or state.asked["max_time"] or goal.max_time_s
    request = with_rounds_for(_request(goal, given), requirements)
    stages = Stages(goal, request, requirements, state, limit_s, Progress, say_error)
    try:
        chosen = stages.carry_out()
    except KeyboardInterrupt:
        if state.look:
            say_error(f"interrupted; continue with: rnnbench choose --resume {state.id}")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    found = answer(goal, chosen, state, requirements, " ".join(state.asked["command"]))
    page = None if given["no_report"] else _page(found, given["reports"])
    if given["as_json"]:
        say(json.dumps({**found.as_dict(), "page": str(page) if page else None}, indent=1))
    else:
        _show(found, page)
    raise typer.Exit(found.exit_code)


def _state(name: str | None, given: Given) -> "State":
    """A choice that begins, or the one to resume. Raises UsageError for a wrong mixture of the two."""
    from rnnbench.choosing.goals import GOALS as KNOWN
    from rnnbench.choosing.goals import goal
    from rnnbench.choosing.state import State

    if given["resume"] is not None:
        if name is not None:
            raise UsageError(f"--resume continues a choice with the goal it has: leave out {name!r}")
        return State.read(given["resume"], given["results"])
    if name is None:
        raise UsageError(f"name a goal (available: {', '.join(KNOWN)}), or a choice with --resume")
    known = goal(name)
    if given["data"] is not None and (not known.data or known.data != _suffix(given["data"])):
        wanted = f"a {known.data} file" if known.data else "no --data"
        raise UsageError(f"the goal {name} takes {wanted}, not {str(given['data'])!r}")
    required(given["require"])
    asked: dict[str, Any] = {key: _plain(given[key]) for key in KEPT}
    return State.begun(given["results"], {"goal": name, "max_time": given["max_time"], "command": ["rnnbench", *sys.argv[1:]], **asked})


def _suffix(path: Path) -> str:
    return Path(str(path).partition("::")[0]).suffix.lower()


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else str(value) if isinstance(value, Path) else value


def _request(goal: "Goal", given: Mapping[str, Any]) -> Any:
    """The candidates: the goal's suite and defaults, the user's overrides, and the user's data as the task."""
    from rnnbench.choosing.goals import joined_sets

    own, plugins = tuple(given["sets"] or ()), list(given["plugin"] or ())
    if given["data"] is not None:
        from rnnbench.own_data import learned
        from rnnbench.registry import user_path

        told, plugins = learned(user_path(given["data"]), own, plugins)
        own = tuple(told)
    sets = joined_sets(goal.sets, own)
    if goal.learns:
        sets = joined_sets(("seed=0",), sets)
    shared = {key: value for key, value in given.items() if key not in ("resume", "max_time", "data", "sets", "plugin")}
    request = requested(shared, suites=(goal.suite,), sets=sets, plugins=tuple(plugins))
    budget = dict(request.budget)
    if not goal.learns:
        budget["max_time_s"] = budget.get("max_time_s") or goal.case_budget_s
        budget["min_rounds"] = goal.min_rounds
    from dataclasses import replace

    return replace(request, budget=budget)


def _page(found: "Answer", reports: Path) -> Path:
    from rnnbench.reports.forms.choice_page import write_choice

    return write_choice(found, reports)


def _show(found: "Answer", page: Path | None) -> None:
    """The answer, the ranking, and what stands behind it."""
    from rnnbench.cli.display.columns import Column, show

    say(f"{found.take}\n")
    rows = found.rows
    columns = [
        Column("", [str(row.rank) for row in rows], right=True),
        Column("candidate", [row.name for row in rows], key=True),
        Column(found.label.partition(" (")[0], [row.text or row.note for row in rows]),
        Column("limits", [row.requirement for row in rows]),
        Column("final", [row.duel for row in rows], optional=True),
    ]
    show([one for one in columns if any(one.cells)])
    for head, lines in (("It rests on", found.rests_on), ("How sure", found.sure), ("Not covered", found.not_covered)):
        say(f"\n{head}")
        for line in lines:
            say(f"  {line}")
    say(f"\nmachine  {found.machine}")
    if page:
        say(f"page     {page}")
