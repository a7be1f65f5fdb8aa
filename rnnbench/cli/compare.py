"""`rnnbench compare`: is the candidate worse than the base?"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnbench.cli.app import GATE, app
from rnnbench.cli.display.output import say, say_error
from rnnbench.cli.display.requirements import Require, required, show_judged
from rnnbench.errors import EXIT_REGRESSION, CannotWrite, UnknownName, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rnnbench.gate.policy import Policy
    from rnnbench.gate.side import Side
    from rnnbench.gate.verdict import Comparison

NAMED = "A run's id, the beginning of one, `latest`, a folder, baseline:NAME, or a JSON file of pytest-benchmark or asv."
SHOWN = ("table", "json", "md", "junit", "github")

Results = Annotated[Path, typer.Option(help="Folder of runs.")]
Effects = Annotated[
    list[str] | None,
    typer.Option("--min-effect", metavar="[METRIC=]SHARE", help="Smallest change that counts: 2%, step_time_s=5%. Repeatable."),
]
Alpha = Annotated[float | None, typer.Option(metavar="P", help="Chance of failing equal code. Default: the settings', else 0.01.")]
Settings = Annotated[Path, typer.Option(metavar="FILE", help="File with \\[tool.rnnbench.gate].")]
Format = Annotated[str, typer.Option("--format", "-f", help=f"{', '.join(SHOWN)}.")]
MarkdownFile = Annotated[Path | None, typer.Option("--markdown", metavar="FILE", help="Also append Markdown to this file.")]
WEBHOOK = "Also send the verdict as JSON to this address (HTTP POST). A failure is reported and changes no exit status."
Webhook = Annotated[str, typer.Option("--webhook", metavar="URL", envvar="RNNBENCH_WEBHOOK", help=WEBHOOK)]
FROM = "Read runs from this store instead: sqlite:///FILE or postgresql://USER@HOST/DATABASE."
From = Annotated[str, typer.Option("--from", metavar="STORE", help=FROM)]
TRIAGE = "File of triaged change points. Default: RESULTS/triage.toml."
TriageFile = Annotated[Path | None, typer.Option("--triage", metavar="FILE", help=TRIAGE)]
All = Annotated[bool, typer.Option("--all", help="Show equivalent figures too.")]


@app.command(rich_help_panel=GATE)
def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help=NAMED)],
    candidate: Annotated[str, typer.Argument(metavar="CANDIDATE", help=NAMED)],
    min_effect: Effects = None,
    alpha: Alpha = None,
    metric: Annotated[list[str] | None, typer.Option(help="Sampled metric to test. Repeatable.")] = None,
    only: Annotated[str, typer.Option(help="deterministic: exact figures only (any machine). sampled: times and memory only.")] = "",
    canary: Annotated[
        str | None, typer.Option(metavar="CASE", help="Correct for the machine drift that this case shows; none for no correction.")
    ] = None,
    settings: Settings = Path("pyproject.toml"),
    results: Results = Path("results"),
    from_: From = "",
    format_: Format = "table",
    markdown: MarkdownFile = None,
    everything: All = False,
    require: Require = None,
    webhook: Webhook = "",
) -> None:
    """Compare two measurements, case by case. Exit status 3: regression. 4: inconclusive."""
    from rnnbench.gate.compare import compare as compared
    from rnnbench.gate.compare import same_side, without_plan
    from rnnbench.gate.settings_pairs import paired_by_setting
    from rnnbench.gate.source import source_at
    from rnnbench.gate.sources import side

    known_format(format_, SHOWN)
    known_webhook(webhook)
    requirements = required(require)
    policy = policy_from(settings, min_effect, alpha, metric, only, canary)
    source = source_at(results, from_)
    sides = side(base, results, source), side(candidate, results, source)
    sides = sides[0], paired_by_setting(*sides)
    known_canary(policy.canary, *sides)
    same_side(*sides)
    if min_effect or alpha is not None or metric:  # other terms than a duet's own: all of its pairs are tested anew
        sides = without_plan(*sides)
    found = _with_noise(compared(*sides, policy), sides[1], policy, results)
    show(found, format_, markdown, everything=everything)
    code = found.exit_code
    if requirements:
        if sides[1].kind != "run":
            raise UsageError(f"--require needs a run as the candidate; {candidate!r} is none")
        run = source.load(source.find(candidate)).run
        met = show_judged(run, requirements, table=format_ == "table", err=format_ != "table")
        code = EXIT_REGRESSION if EXIT_REGRESSION in (code, met) else max(code, met)
    notify(webhook, found, code)
    raise typer.Exit(code)


def _with_noise(found: "Comparison", candidate: "Side", policy: "Policy", results: Path) -> "Comparison":
    """Where too few processes left a step time open: how many would settle it on this machine, if rnnbench doctor measured its noise."""
    from dataclasses import replace

    from rnnbench.device.machine_cache import machine_key
    from rnnbench.gate.noise import noise

    open_ = any(one.metric == "step_time_s" and one.verdict == "inconclusive" for one in found.findings)
    device = next((str(one.axes["device"]) for one in candidate.cases.values() if one.axes and "device" in one.axes), "")
    known = noise(results, machine_key(candidate.machine, device, candidate.conditions.get("pin"))) if open_ and device else None
    if known is None:
        return found
    cases = len({(one.case, one.metric) for one in found.findings if one.metric in policy.metrics})
    count = known.processes(policy.min_effect, found.alpha, paired=found.paired, cases=cases)
    option = "" if found.paired else f"--processes {count}: "
    return replace(found, notes=(*found.notes, option + known.sentence(count, paired=found.paired, cases=cases)))


def policy_from(
    settings: Path, effects: list[str] | None, alpha: float | None, metrics: list[str] | None, only: str, canary: str | None = None
) -> "Policy":
    """The settings file's policy, overridden by the command line."""
    from dataclasses import replace

    from rnnbench.gate.policy import SETTINGS, read_policy

    if not settings.is_file() and str(settings) != SETTINGS:
        raise UsageError(f"--settings {str(settings)!r}: there is no such file")
    policy = read_policy(settings)
    given: dict[str, Any] = {"alpha": alpha, "metrics": tuple(metrics) if metrics else None, "only": only or None, "canary": canary}
    return replace(policy, **{name: value for name, value in given.items() if value is not None}).with_effects(effects or [])


def show(found: "Comparison", format_: str, markdown: Path | None, *, everything: bool) -> None:
    """Print a comparison, and append it to the file of a job's summary."""
    from rnnbench.gate.formats.github import as_github
    from rnnbench.gate.formats.junit import as_junit
    from rnnbench.gate.formats.markdown import as_markdown
    from rnnbench.gate.formats.plain import as_json

    makers: Mapping[str, Callable[[Comparison], str]] = {"json": as_json, "md": as_markdown, "junit": as_junit, "github": as_github}
    if markdown is not None:
        append(markdown, as_markdown(found))
    if format_ in makers:
        say(makers[format_](found).rstrip("\n"))
    else:
        from rnnbench.cli.display.verdicts import screen

        screen(found, everything=everything)


def append(path: Path, text: str) -> None:
    """At the end of a file, as a job's summary wants it."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CannotWrite(path, error.strerror or error) from None


def known_canary(asked: str, *sides: "Side") -> None:
    """Raise for a canary that was asked for by its id and is not on both sides."""
    from rnnbench.gate.policy import CANARY, NO_CANARY

    both = set(sides[0].cases).intersection(*(one.cases for one in sides))
    if asked not in (CANARY, NO_CANARY) and asked not in both:
        raise UnknownName("canary", asked, [CANARY, NO_CANARY, *sorted(both)])


def known_format(format_: str, formats: tuple[str, ...]) -> None:
    """Raise for a format that there is not, before anything is measured."""
    if format_ not in formats:
        raise UnknownName("--format", format_, formats)


def known_webhook(address: str) -> None:
    """Raise for an address that nothing can be sent to, before anything is measured."""
    if address:
        from rnnbench.gate.webhook import checked

        checked(address)


def notify(address: str, found: "Comparison", code: int) -> None:
    """Send a comparison and the command's exit status to a webhook, if there is one."""
    if not address:
        return
    from rnnbench.gate.formats.plain import as_dict
    from rnnbench.gate.formats.words import headline

    send(
        address, {"kind": "comparison", **as_dict(found), "exit_code": code}, f"{headline(found)} ({found.candidate} against {found.base})"
    )


def send(address: str, body: "Mapping[str, Any]", text: str) -> None:
    """Send a result to a webhook; an error is one sentence on standard error."""
    from rnnbench.gate.webhook import post

    if problem := post(address, body, f"rnnbench: {text}"):
        say_error(problem)
