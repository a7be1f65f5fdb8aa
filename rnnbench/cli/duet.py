"""`rnnbench duet`: A and B in turn on one machine, by a plan fixed beforehand."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli.app import GATE, app
from rnnbench.cli.compare import (
    SHOWN,
    Effects,
    Format,
    MarkdownFile,
    Settings,
    Webhook,
    known_format,
    known_webhook,
    notify,
    policy_from,
    show,
)
from rnnbench.cli.display.output import say_error
from rnnbench.cli.options import Given, requested, takes
from rnnbench.errors import EXIT_INTERRUPTED, BadExpression, UsageError

if TYPE_CHECKING:
    from rnnbench.gate.statistics.sequential import LookPlan

TWO = "The two"
PythonA = Annotated[str | None, typer.Option(metavar="PYTHON", rich_help_panel=TWO, help="Interpreter of A.")]
PythonB = Annotated[str | None, typer.Option(metavar="PYTHON", rich_help_panel=TWO, help="Interpreter of B.")]
RevA = Annotated[str | None, typer.Option(metavar="REV", rich_help_panel=TWO, help="Git revision of A, checked out in a separate folder.")]
RevB = Annotated[str | None, typer.Option(metavar="REV", rich_help_panel=TWO, help="Git revision of B.")]
SetA = Annotated[list[str] | None, typer.Option(metavar="AXIS=V", rich_help_panel=TWO, help="Set an axis of A: variant=lstm.")]
SetB = Annotated[list[str] | None, typer.Option(metavar="AXIS=V", rich_help_panel=TWO, help="Set an axis of B: variant=gru.")]
EnvA = Annotated[
    list[str] | None, typer.Option(metavar="NAME=V", rich_help_panel=TWO, help="Environment of A's processes: OMP_PROC_BIND=true.")
]
EnvB = Annotated[list[str] | None, typer.Option(metavar="NAME=V", rich_help_panel=TWO, help="Environment of B's processes.")]
Pairs = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,…",
        rich_help_panel=TWO,
        help="Interim analyses after these numbers of pairs. Default: 5,10,20, or more if rnnbench doctor found this machine noisy.",
    ),
]
Spend = Annotated[float, typer.Option("--alpha", metavar="P", rich_help_panel=TWO, help="False-alarm rate over all interim analyses.")]


@app.command(rich_help_panel=GATE)
@takes(
    *("suite", "device", "preset", "sets", "select", "plugin"),
    *("case_budget", "min_rounds", "case_timeout", "threads", "pin", "wait", "results"),
    preset="quick",
)
def duet(
    given: Given,
    python_a: PythonA = None,
    python_b: PythonB = None,
    rev_a: RevA = None,
    rev_b: RevB = None,
    set_a: SetA = None,
    set_b: SetB = None,
    env_a: EnvA = None,
    env_b: EnvB = None,
    pairs: Pairs = None,
    alpha: Spend = 0.05,
    min_effect: Effects = None,
    metric: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Sampled metric to test. Repeatable.")] = None,
    settings: Settings = Path("pyproject.toml"),
    format_: Format = "table",
    markdown: MarkdownFile = None,
    everything: Annotated[bool, typer.Option("--all", help="Also show cases that are equivalent.")] = False,
    webhook: Webhook = "",
) -> None:
    """Measure A and B in turn, a fresh process each, until it is clear whether B is worse. Exit status 3: regression. 4: inconclusive."""
    from rnnbench.gate.duet import judged, stated
    from rnnbench.own_lengths import named
    from rnnbench.runs.contender import contender
    from rnnbench.runs.duet import duet as begun

    known_format(format_, SHOWN)
    known_webhook(webhook)
    policy = replace(policy_from(settings, min_effect, None, metric, ""), alpha=alpha)
    plan = plan_of(pairs, alpha, policy.min_effect, given["results"])
    if (python_a, rev_a, set_a, env_a) == (python_b, rev_b, set_b, env_b):
        raise UsageError(
            "A and B are the same: name --python-b, --rev-b, --set-b or --env-b (for an A/A trial: --set-a seed=0 --set-b seed=1)"
        )
    request = requested(given)
    sets_a, plugins = named(set_a or (), request.plugins)
    sets_b, plugins = named(set_b or (), plugins)
    request = replace(request, plugins=plugins)
    with (
        contender("A", python=python_a, revision=rev_a, sets=sets_a, variables=tuple(env_a or ())) as a,
        contender("B", python=python_b, revision=rev_b, sets=sets_b, variables=tuple(env_b or ())) as b,
        begun(request, a, b, stated(plan, policy), _say) as playing,
    ):
        try:
            found = judged(playing, plan, policy, _say)
        except KeyboardInterrupt:
            playing.finish(interrupted=True)
            raise typer.Exit(EXIT_INTERRUPTED) from None
        folders = playing.finish(interrupted=False)
        _say(f"records in {folders[0]} and {folders[1]}")
        found = replace(found, base=a.label, candidate=b.label)
    show(found, format_, markdown, everything=everything)
    notify(webhook, found, found.exit_code)
    raise typer.Exit(found.exit_code)


def plan_of(pairs: str | None, alpha: float, min_effect: float, results: Path) -> "LookPlan":
    """The stages that the user named, else those that this machine needs."""
    from rnnbench.gate.noise import noise, stages
    from rnnbench.gate.statistics.sequential import STAGES, LookPlan

    if pairs is not None:
        return LookPlan(_stages(pairs), alpha)
    known = noise(results)
    found = stages(known, min_effect, alpha)
    if known is not None and found != STAGES:
        _say(known.sentence(found[-1], paired=True))
    return LookPlan(found, alpha)


def _stages(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise BadExpression("--pairs", text, "write rising numbers, for instance --pairs 5,10,20") from None


def _say(sentence: str) -> None:
    say_error(sentence)
