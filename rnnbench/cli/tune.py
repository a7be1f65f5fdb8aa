"""`rnnbench tune`: the same number of trials for every training of a suite, chosen on the validation split."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnbench.cli.app import MEASURE, app
from rnnbench.cli.display.output import say
from rnnbench.cli.options import Given, requested, takes
from rnnbench.errors import EXIT_CASES_FAILED, BadValue, CannotWrite

_RATES, _SCHEDULES, _NORMS = "0.0003:0.03", "constant,cosine", "none,1"


@app.command(rich_help_panel=MEASURE)
@takes(
    *("device", "preset", "sets", "select", "plugin", "case_budget", "isolation", "case_timeout", "threads", "pin", "wait"),
    *("results", "as_json"),
    isolation=("suite", "process: a fresh process per trial. suite: all trials share one."),
)
def tune(
    given: Given,
    suite: Annotated[str, typer.Argument(help="Suite name, or path to a bench_*.py file.", show_default=False)],
    trials: Annotated[int, typer.Option(metavar="N", help="Trials per case.")] = 12,
    lr: Annotated[str, typer.Option(metavar="LOW:HIGH", help="Learning rates, drawn on a logarithmic scale.")] = _RATES,
    schedule: Annotated[str, typer.Option(metavar="NAME,…", help="Learning-rate schedules.")] = _SCHEDULES,
    clip_norm: Annotated[str, typer.Option(metavar="NORM,…", help="Maximum gradient norms, or none.")] = _NORMS,
    seeds: Annotated[str, typer.Option(metavar="N,…", help="Seeds of each trial; the median counts. Use none that you report.")] = "1000",
    draw: Annotated[int, typer.Option(metavar="N", help="Seed of the points that are drawn from the space.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where to write what was chosen.")] = Path("tuned.json"),
) -> None:
    """Tune learning rate, schedule and clipping: equally many trials for every case, chosen on the validation split alone.

    All trials train a quarter of the steps; the better quarter of them trains all. `rnnbench run --tuned FILE` uses the result.
    Exit status 5: no case could be tuned.
    """
    from rnnbench.cli.display.progress import Progress
    from rnnbench.runs.tuning import rounds, tuned_file
    from rnnbench.runs.tuning.space import Space

    space = Space(_ends(lr), tuple(dict.fromkeys(schedule.split(","))), tuple(dict.fromkeys(_numbers("--clip-norm", clip_norm, _norm))))
    chosen = _numbers("--seeds", seeds, int)
    rounds.check(trials, chosen)
    if not out.parent.is_dir():
        raise CannotWrite(out, "its folder does not exist")
    found = rounds.tune(requested(given, suites=(suite,)), space, trials, chosen, draw, Progress)
    if found["cases"]:
        tuned_file.write(out, found)
    if given["as_json"]:
        say(json.dumps(found, indent=1))
    else:
        _show(found, suite, out)
    if not found["cases"]:
        raise typer.Exit(EXIT_CASES_FAILED)


def _show(found: Mapping[str, Any], suite: str, out: Path) -> None:
    """What was chosen for each case, what halving saved, what was not tuned, and what to do with it."""
    from rnnbench import units
    from rnnbench.cli.display.terminal import console, shown
    from rnnbench.runs.tuned_note import shown as point

    screen = console()
    for name, one in found["cases"].items():
        screen.print(f"[bold]{shown(name)}[/]", soft_wrap=True)
        screen.print(f"   {point(one)}; validation error {units.show('validation_error', one['validation_error'])}")
    for name, why in found["not_tuned"].items():
        screen.print(f"[bold]{shown(name)}[/]\n   [yellow]not tuned[/]: {shown(why)}", soft_wrap=True)
    steps, count = found["steps"], len(found["cases"])
    saved = f"; successive halving saved {units.percent(steps['saved_share'])} of the steps" if steps["saved_share"] > 0 else ""
    screen.print(f"\n{count} case{'' if count == 1 else 's'}, {found['trials']} trials each ({found['rule']}){saved}.")
    if count:
        screen.print(f"Use it: rnnbench run --suite {shown(suite)} --tuned {shown(str(out))}", soft_wrap=True)


def _ends(text: str) -> tuple[float, float]:
    low, colon, high = text.partition(":")
    try:
        return float(low), float(high if colon else low)
    except ValueError:
        raise BadValue("--lr", text, "LOW:HIGH, for instance 0.0003:0.03") from None


def _norm(text: str) -> float | None:
    return None if text == "none" else float(text)


def _numbers(option: str, text: str, read: Callable[[str], Any]) -> tuple[Any, ...]:
    try:
        return tuple(read(one.strip()) for one in text.split(","))
    except ValueError:
        raise BadValue(option, text, "values separated by commas") from None
