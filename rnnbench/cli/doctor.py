"""`rnnbench doctor`: is this machine fit to measure?"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnbench.cli.app import MEASURE, app
from rnnbench.cli.display.output import say

if TYPE_CHECKING:
    from rnnbench.device.check import Check

ALPHA = 0.05
MANY = 48  # cases of a suite such as depth
DISTURBING = ("other load", "stolen time")


@app.command(rich_help_panel=MEASURE)
def doctor(
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1. Default: CUDA if available.")] = None,
    seconds: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Seconds of the A/A trial; 0 skips it.")] = 60.0,
    results: Annotated[Path, typer.Option(help="Folder of runs; keeps the trial and the ceilings.")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Report sources of measurement noise on this machine and the smallest change it can detect. Changes no settings."""
    from rnnbench.device.check import CARE, Check
    from rnnbench.device.machine_cache import TRIAL, keep, keep_trial, machine_key
    from rnnbench.gate.statistics.evidence import POWER
    from rnnbench.journal import now_utc
    from rnnbench.roofline import Ceilings
    from rnnbench.runs.lock import device_lock, held
    from rnnbench.runs.processes.client import ForkServer
    from rnnbench.runs.trial import trial
    from rnnbench.scratch import scratch

    with scratch() as place:
        server = ForkServer(place / "server.log")
        try:
            survey = server.ask("survey", {"device": device, "plugins": ()}, place / "survey.log")
            chosen, key = survey["device"], machine_key(survey["machine"], survey["device"])
            with held(f"device {chosen!r}", device_lock(chosen)):
                answer = server.ask("doctor", {"device": chosen}, place / "doctor.log")
                pairs = trial(server, chosen, seconds, place / "trial.log") if seconds else []
        finally:
            server.close()
    found = [Check(**one) for one in answer["findings"]]
    trial_result = smallest_change(pairs, seconds)
    if not any(one.name in DISTURBING and one.state == CARE for one in found):  # a disturbed machine's ceilings would be too low
        keep(results, key, Ceilings.from_dict(answer["ceilings"]))
    if trial_result["detectable_ratio"] is not None:
        told = {"device": chosen, "at_utc": now_utc(), "seconds": seconds, "pairs": pairs, "alpha": ALPHA, "power": POWER}
        if keep_trial(results, key, {**told, "detectable_ratio": trial_result["detectable_ratio"]}):
            trial_result["said"] += f" Kept in {results / TRIAL}."
    if as_json:
        whole: dict[str, Any] = {"device": chosen, "findings": [one.as_dict() for one in found], "ceilings": answer["ceilings"]}
        say(json.dumps({**whole, "trial": {"seconds": seconds, "pairs": pairs, **trial_result}}, indent=1))
        return
    _show(found, answer["ceilings"], trial_result["said"])


def smallest_change(pairs: Sequence[tuple[float, float]], seconds: float) -> dict[str, Any]:
    """The smallest change that a duet of this machine's usual length shows nine times of ten, alone and among many cases, in words too.

    `detectable_ratio` is that of one case."""
    from rnnbench import units
    from rnnbench.gate.noise import smallest
    from rnnbench.gate.statistics.evidence import LEAST_PROCESSES, Sample
    from rnnbench.gate.statistics.sequential import STAGES

    if not seconds:
        return {"detectable_ratio": None, "said": "No A/A trial (--seconds 0)."}
    sample = Sample.of([a for a, _ in pairs], [b for _, b in pairs], paired=True)
    if not sample.enough:
        sentence = f"{len(pairs)} pairs in {seconds:g} s are too few for an A/A trial: give --seconds {LEAST_PROCESSES * 4} or more."
        return {"detectable_ratio": None, "said": sentence}
    count = STAGES[-1]
    one, many = (smallest(sample.spread, len(pairs), cases, ALPHA) for cases in (1, MANY))
    return {
        "detectable_ratio": one,
        "detectable_ratio_of_many": {"cases": MANY, "ratio": many},
        "said": (
            f"A/A trial: the same code in {len(pairs)} pairs in {units.duration(seconds)} differed by {units.percent(sample.spread)} within"
            f" a pair. A duet of {count} pairs would show a change of {units.percent(one)} nine times of ten in a single case, of"
            f" {units.percent(many)} in one of {MANY} cases. For smaller changes use more --pairs, or quiet the machine."
        ),
    }


def _show(found: Sequence["Check"], ceilings: dict[str, Any], said: str) -> None:
    from rich.table import Table

    from rnnbench import units
    from rnnbench.cli.display.terminal import console, shown

    table = Table(box=None, show_header=False, pad_edge=False)
    marks = {"good": "[green]good[/]", "care": "[yellow]care[/]", "unknown": "[dim]unknown[/]"}
    for one in found:
        table.add_row(marks[one.state], one.name, shown(one.said) + (f"\n→ {shown(one.todo)}" if one.todo else ""))
    out = console()
    out.print(table)
    figures = [
        f"{name.removesuffix('_flops_per_s')} {units.show(name, value)}" for name, value in ceilings.items() if name.endswith("_per_s")
    ]
    out.print(
        f"\nCeilings: {', '.join(figures)}, launch {units.show('launch_s', ceilings.get('launch_s'))}.".replace("copy_bytes_per_s", "copy")
    )
    out.print(shown(said))
