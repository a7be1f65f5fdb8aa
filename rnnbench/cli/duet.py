"""`rnnbench duet`: A and B in turn on one machine, by a plan stated beforehand."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import GATE, app
from rnnbench.cli.compare import SHOWN, Effects, Format, MarkdownFile, Settings, known_format, policy_from, show
from rnnbench.cli.run import CaseBudget, DeviceName, MinRounds, Pin, Plugins, Preset, Results, Select, Sets, Suites, Threads, Timeout, Wait
from rnnbench.cli.saying import say_error
from rnnbench.errors import EXIT_INTERRUPTED, BadExpression, UsageError

if TYPE_CHECKING:
    from rnnbench.analysis.compare import Trial
    from rnnbench.analysis.policy import Policy
    from rnnbench.analysis.sequential import LookPlan
    from rnnbench.analysis.side import Side
    from rnnbench.analysis.verdict import Comparison, Finding
    from rnnbench.runs.duet import Duet

TWO = "The two"
PythonA = Annotated[str | None, typer.Option(metavar="PYTHON", rich_help_panel=TWO, help="Interpreter of A.")]
PythonB = Annotated[str | None, typer.Option(metavar="PYTHON", rich_help_panel=TWO, help="Interpreter of B.")]
RevA = Annotated[str | None, typer.Option(metavar="REV", rich_help_panel=TWO, help="Git revision of A, checked out beside yours.")]
RevB = Annotated[str | None, typer.Option(metavar="REV", rich_help_panel=TWO, help="Git revision of B.")]
SetA = Annotated[list[str] | None, typer.Option(metavar="AXIS=V", rich_help_panel=TWO, help="Override an axis of A: variant=lstm.")]
SetB = Annotated[list[str] | None, typer.Option(metavar="AXIS=V", rich_help_panel=TWO, help="Override an axis of B: variant=gru.")]
EnvA = Annotated[
    list[str] | None, typer.Option(metavar="NAME=V", rich_help_panel=TWO, help="Environment of A's processes: OMP_PROC_BIND=true.")
]
EnvB = Annotated[list[str] | None, typer.Option(metavar="NAME=V", rich_help_panel=TWO, help="Environment of B's processes.")]
Pairs = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,…",
        rich_help_panel=TWO,
        help="Look after so many pairs of processes. Default: 5,10,20, or more where rnnbench doctor saw this machine need them.",
    ),
]
Spend = Annotated[float, typer.Option("--alpha", metavar="P", rich_help_panel=TWO, help="Error rate, spread over the looks.")]


@app.command(rich_help_panel=GATE)
def duet(
    suite: Suites = None,
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
    metric: Annotated[list[str] | None, typer.Option(help="A sampled metric to test. May be given again.")] = None,
    settings: Settings = Path("pyproject.toml"),
    device: DeviceName = None,
    preset: Preset = "quick",
    sets: Sets = None,
    select: Select = "",
    plugin: Plugins = None,
    case_budget: CaseBudget = None,
    min_rounds: MinRounds = None,
    case_timeout: Timeout = None,
    threads: Threads = None,
    pin: Pin = None,
    wait: Wait = False,
    results: Results = Path("results"),
    format_: Format = "table",
    markdown: MarkdownFile = None,
    everything: Annotated[bool, typer.Option("--all", help="Show what is equivalent too.")] = False,
) -> None:
    """Measure A and B in turn, a fresh process each, in random order, until it is clear whether B is worse. Flags are confirmed once."""
    from rnnbench.runs.contender import contender
    from rnnbench.runs.duet import duet as begun
    from rnnbench.runs.request import Request

    known_format(format_, SHOWN)
    only = "sampled" if set_a or set_b else ""  # two variants are expected to differ in exact figures
    policy = replace(policy_from(settings, min_effect, None, metric, only), alpha=alpha)
    plan = _plan(pairs, alpha, policy.min_effect, results)
    if (python_a, rev_a, set_a, env_a) == (python_b, rev_b, set_b, env_b):
        raise UsageError(
            "A and B are the same: name --python-b, --rev-b, --set-b or --env-b (for an A/A trial: --set-a seed=0 --set-b seed=1)"
        )
    request = Request(
        suites=tuple(suite or ()),
        device=device,
        preset=preset,
        sets=tuple(sets or ()),
        select=select,
        plugins=tuple(plugin or ()),
        results=results,
        budget={"max_time_s": case_budget, "min_rounds": min_rounds},
        case_timeout_s=case_timeout,
        threads=threads,
        pin=pin,
        wait=wait,
        command=("rnnbench", *sys.argv[1:]),
    )
    with (
        contender("A", python=python_a, revision=rev_a, sets=tuple(set_a or ()), variables=tuple(env_a or ())) as a,
        contender("B", python=python_b, revision=rev_b, sets=tuple(set_b or ()), variables=tuple(env_b or ())) as b,
        begun(request, a, b, plan.told(), _say) as playing,
    ):
        try:
            found = judged(playing, plan, policy)
        except KeyboardInterrupt:
            playing.finish(interrupted=True)
            raise typer.Exit(EXIT_INTERRUPTED) from None
        folders = playing.finish(interrupted=False)
        _say(f"records in {folders[0]} and {folders[1]}")
        found = replace(found, base=a.label, candidate=b.label)
    show(found, format_, markdown, everything=everything)
    raise typer.Exit(found.exit_code)


def judged(playing: "Duet", plan: "LookPlan", policy: "Policy") -> "Comparison":
    """Play by the plan; what is decided plays no more. Flags are then played again."""
    from rnnbench.analysis.sequential import decided
    from rnnbench.analysis.verdict import gravest_first

    open_, verdicts = set(playing.pairs), dict[tuple[str, str], "Finding"]()
    _say(plan.told())
    looked = hypotheses = 0
    for look, stage in enumerate(plan.stages):
        going = [pair for pair in playing.pairs if pair in open_]
        playing.play(going, stage - looked)
        looked = stage
        trials = [trial for trial in _trials(playing, policy, 0) if trial.finding.case in {str(pair[1]) for pair in going}]
        hypotheses = hypotheses or len(trials)
        fresh = {key: one for key, one in decided(trials, plan.level(look), hypotheses).items() if key not in verdicts}
        verdicts |= {key: replace(one, reason=one.reason or f"decided after {stage} pairs") for key, one in fresh.items()}
        left = {trial.finding.case for trial in trials if (trial.finding.case, trial.finding.metric) not in verdicts}
        open_ = {pair for pair in open_ if str(pair[1]) in left}
        _say(f"after {stage} pairs: {len(going) - len(open_)} of {len(going)} cases decided")
        if not open_:
            break
    verdicts |= _again(playing, plan, policy, verdicts)
    whole = _compared(playing, policy)
    rows = [verdicts.get((row.case, row.metric), row) if row.p_worse is not None else row for row in whole.findings]
    rows = [_no_late_change(row) if (row.case, row.metric) not in verdicts else row for row in rows]
    took_s = time.monotonic() - playing.began_s
    notes = (*whole.notes, plan.told(), f"{playing.processes} processes in {took_s:.0f} s")
    return replace(whole, findings=gravest_first(rows), notes=notes)


def _again(
    playing: "Duet", plan: "LookPlan", policy: "Policy", verdicts: dict[tuple[str, str], "Finding"]
) -> dict[tuple[str, str], "Finding"]:
    """Each flag once more, on pairs that had no part in raising it."""
    from rnnbench.analysis.sequential import confirmed

    found = {}
    for key, flag in verdicts.items():
        if flag.verdict == "equivalent":
            continue
        pair = next(one for one in playing.pairs if str(one[1]) == key[0])
        before, many = playing.played(pair), plan.fresh(min(flag.processes))
        _say(f"{key[0]} is flagged {flag.verdict}: confirming on {many} fresh pairs")
        playing.play([pair], many)
        trials = {(one.finding.case, one.finding.metric): one for one in _trials(playing, policy, before)}
        if key in trials:
            found[key] = confirmed(flag, trials[key], plan.alpha)
        else:
            found[key] = replace(flag, verdict="inconclusive", failing=False, reason="the fresh pairs were not measured")
    return found


def _no_late_change(row: "Finding") -> "Finding":
    """What no look decided is inconclusive, whatever all pairs together would say: the plan's error is spent."""
    if row.p_worse is None or row.verdict == "inconclusive":
        return row
    return replace(row, verdict="inconclusive", failing=False, reason=row.reason or "undecided after the last look")


def _trials(playing: "Duet", policy: "Policy", first: int) -> "list[Trial]":
    """The pairs from number `first` on, as trials."""
    from rnnbench.analysis.compare import trials_of

    return trials_of(*_sides(playing, first), policy)


def _compared(playing: "Duet", policy: "Policy") -> "Comparison":
    from rnnbench.analysis.compare import compare

    return compare(*_sides(playing, 0), policy)


def _sides(playing: "Duet", first: int) -> "tuple[Side, Side]":
    from rnnbench.analysis.side import side_of_run
    from rnnbench.analysis.store import Loaded

    runs = (replace(run, records=tuple(record for record in run.records if record.process >= first)) for run in playing.runs())
    a, b = (side_of_run(Loaded(run)) for run in runs)
    return a, b


def _plan(pairs: str | None, alpha: float, min_effect: float, results: Path) -> "LookPlan":
    """As the user said, else as this machine needs it."""
    from rnnbench.analysis.noise import noise, stages
    from rnnbench.analysis.sequential import STAGES, LookPlan

    if pairs is not None:
        return LookPlan(_stages(pairs), alpha)
    seen = noise(results)
    found = stages(seen, min_effect, alpha / 2)  # the last look may spend half
    if seen is not None and found != STAGES:
        _say(seen.told(found[-1], paired=True))
    return LookPlan(found, alpha)


def _stages(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise BadExpression("--pairs", text, "write rising numbers, for instance --pairs 5,10,20") from None


def _say(sentence: str) -> None:
    say_error(sentence)
