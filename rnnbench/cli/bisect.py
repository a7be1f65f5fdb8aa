"""`rnnbench bisect`: which commit made it worse."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnbench.cli.app import GATE, app
from rnnbench.cli.compare import Effects, Settings, policy_from
from rnnbench.cli.display.output import say, say_error
from rnnbench.cli.duet import Pairs, Spend, plan_of
from rnnbench.cli.options import Given, requested, takes
from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_OK, RnnbenchError, Unloadable, UsageError

if TYPE_CHECKING:
    from rnnbench.gate.bisect import Search
    from rnnbench.gate.policy import Policy
    from rnnbench.gate.statistics.sequential import Key, LookPlan
    from rnnbench.gate.verdict import Comparison
    from rnnbench.runs.request import Request

STEP_GOOD, STEP_BAD, STEP_SKIP, STEP_ABORT = 0, 1, 125, 128  # what `git bisect run` understands


@app.command(rich_help_panel=GATE)
@takes(
    *("suite", "device", "preset", "sets", "select", "plugin"),
    *("case_budget", "min_rounds", "case_timeout", "threads", "pin", "wait", "results"),
    preset="quick",
)
def bisect(
    given: Given,
    good: Annotated[str, typer.Argument(metavar="GOOD", help="Revision before the change.")],
    bad: Annotated[str, typer.Argument(metavar="BAD", help="Revision after it.")] = "HEAD",
    metric: Annotated[str, typer.Option(metavar="NAME", help="Metric to look for. Default: the largest regression.")] = "",
    pairs: Pairs = None,
    alpha: Spend = 0.05,
    min_effect: Effects = None,
    settings: Settings = Path("pyproject.toml"),
    step: Annotated[bool, typer.Option("--step", help="For `git bisect run`: compare GOOD with the checkout; exit 0, 1 or 125.")] = False,
) -> None:
    """Find the commit that made a figure worse: measure GOOD alternately with later revisions until one suspect is left. An interrupted
    search resumes. Exit status 0: found. 4: no regression, or several suspects left."""
    from rnnbench.runs.worktree import commits_between, repository

    policy = _policy(policy_from(settings, min_effect, alpha, None, ""), metric)
    duels = _Duels(requested(given), good, policy, plan_of(pairs, alpha, policy.min_effect, given["results"]))
    if step:
        raise typer.Exit(_step(duels, metric))
    root = repository(Path.cwd())
    commits = commits_between(root, good, bad)
    state = _State(given["results"] / f"bisect-{commits[0][:10]}-{commits[-1][:10]}.json", commits, " ".join(duels.request.command[2:]))
    search, key = state.read() or _first(duels, commits, metric)
    if key is None:
        say(f"no regression{f' of {metric}' if metric else ''} from {good} to {bad}")
        raise typer.Exit(EXIT_INCONCLUSIVE)
    state.write(search, key)
    duels = replace(duels, policy=_policy(policy, key[1]))
    while (commit := search.next) is not None:
        search.note(duels.tried(commit, key))
        state.write(search, key)
        say_error(f"{commit[:10]} is {search.tried[commit].verdict} ({search.tried[commit].why}): {len(search.suspects)} suspects left")
    raise typer.Exit(_answer(search, key, root, alpha))


@dataclass(frozen=True, slots=True)
class _Duels:
    """Duets of the good revision with others."""

    request: "Request"
    good: str
    policy: "Policy"
    plan: "LookPlan"

    def against(self, revision: str | None, key: "Key | None" = None) -> "Comparison":
        """GOOD and a revision (none: the checkout) in turn; with `key` that case alone. Exact figures need one pair, no plan."""
        from rnnbench.analysis.frames import Loaded
        from rnnbench.gate.duet import judged, stated
        from rnnbench.gate.findings import compared
        from rnnbench.gate.side import side_of_run
        from rnnbench.runs.contender import contender
        from rnnbench.runs.duet import duet

        with (
            contender("A", revision=self.good) as a,
            contender("B", revision=revision) as b,
            duet(self.request, a, b, stated(self.plan, self.policy), say_error) as playing,
        ):
            if key is not None:
                playing.keep_only(key[0])
            with _closed(playing):
                if self.policy.only == "deterministic":
                    playing.play(playing.pairs, 1)
                    base, candidate = (side_of_run(Loaded(run)) for run in playing.runs())
                    return compared(base, candidate, self.policy)
                return judged(playing, self.plan, self.policy, say_error)

    def tried(self, commit: str, key: "Key") -> Any:
        """The verdict on one commit; one that does not build or start is skipped."""
        from rnnbench.gate import bisect as search

        try:
            return search.tried(commit, self.against(commit, key), key)
        except RnnbenchError as error:
            return search.Tried(commit, search.SKIP, str(error))


@contextmanager
def _closed(playing: Any) -> Iterator[None]:
    """Both runs of a duet, closed however it ended."""
    try:
        yield
    except BaseException:
        playing.finish(interrupted=True)
        raise
    playing.finish(interrupted=False)


def _first(duels: _Duels, commits: tuple[str, ...], metric: str) -> "tuple[Search, Key | None]":
    """GOOD against BAD: what there is to look for."""
    from rnnbench.gate.bisect import BAD, Search, Tried, target

    search, wanted = Search(commits), target(duels.against(commits[-1]), metric)
    if wanted is None:
        return search, None
    say_error(f"looking for {wanted.metric} of {wanted.case}, {wanted.verdict} over {len(commits)} commits")
    search.note(Tried(commits[-1], BAD, wanted.verdict, exact=wanted.test == "exact"))
    return search, (wanted.case, wanted.metric)


def _answer(search: "Search", key: "Key", root: Path, alpha: float) -> int:
    """Say which commit it was, and how sure that is."""
    from rnnbench.runs.worktree import subject

    case, metric = key
    duets, chance = len(search.tried), search.chance_of_error(alpha)
    sure = "exact figures, no chance of error" if chance == 0 else f"chance of a false lead at most {chance:.0%}"
    if len(search.suspects) == 1:
        say(f"{subject(root, search.suspects[0])}\nmade {metric} of {case} worse: {duets} duets, {sure}")
        return EXIT_OK
    lines = "\n".join(subject(root, one) for one in search.suspects)
    say(f"one of these made {metric} of {case} worse; those between could not be measured or separated ({duets} duets, {sure}):\n{lines}")
    return EXIT_INCONCLUSIVE


def _step(duels: _Duels, metric: str) -> int:
    """One comparison of the checkout, for `git bisect run`."""
    from rnnbench.gate.bisect import target

    try:
        found = duels.against(None)
    except RnnbenchError as error:
        say_error(error)
        return STEP_ABORT if isinstance(error, UsageError) and not isinstance(error, Unloadable) else STEP_SKIP
    if target(found, metric) is not None:
        return STEP_BAD
    return STEP_SKIP if any(one.verdict == "inconclusive" and metric in ("", one.metric) for one in found.findings) else STEP_GOOD


@dataclass(frozen=True, slots=True)
class _State:
    """What is known so far, on disk after each duet. Another command on the same commits starts anew."""

    path: Path
    commits: tuple[str, ...]
    command: str

    def read(self) -> "tuple[Search, Key | None] | None":
        """The search that was interrupted; none where there is none of this command."""
        from rnnbench.bounded import parsed
        from rnnbench.gate.bisect import of_state

        try:
            known = parsed(self.path)
            if known["command"] != self.command:
                return None
            search, (case, metric) = of_state(self.commits, known), known["key"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        say_error(f"resuming after {len(search.tried)} duets: {self.path}")
        return search, (str(case), str(metric))

    def write(self, search: "Search", key: "Key") -> None:
        """Replace it whole."""
        from rnnbench.journal import replace_whole

        known = {"command": self.command, "key": list(key), "tried": [one.as_dict() for one in search.tried.values()]}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(self.path, json.dumps(known, indent=1).encode())


def _policy(policy: "Policy", metric: str) -> "Policy":
    """The policy for one metric: exact figures alone, or that sampled one alone; unchanged where none is named."""
    from rnnbench.gate.policy import known_metric
    from rnnbench.record import METRICS

    if not metric:
        return policy
    known_metric(metric)
    return replace(policy, only="deterministic") if METRICS[metric].deterministic else replace(policy, only="sampled", metrics=(metric,))
