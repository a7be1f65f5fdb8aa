"""`rnnbench doctor`: is this machine fit to measure?"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnbench.cli import MEASURE, app
from rnnbench.cli.saying import say

if TYPE_CHECKING:
    from rnnbench.measure.fitness import Finding

ALPHA = 0.05
DISTURBING = ("other load", "stolen time")


@app.command(rich_help_panel=MEASURE)
def doctor(
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1. Default: CUDA where it is.")] = None,
    seconds: Annotated[float, typer.Option(min=0, metavar="S", help="How long the A/A trial may take; 0 leaves it out.")] = 60.0,
    results: Annotated[Path, typer.Option(help="Folder of runs, where the trial's result and the ceilings are kept.")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Tell what on this machine disturbs figures, what to do, and the smallest change it can show. Changes no setting of the machine."""
    from rnnbench.analysis.evidence import POWER
    from rnnbench.journal import now_utc
    from rnnbench.measure.fitness import CARE, Finding
    from rnnbench.measure.known import TRIAL, keep, keep_trial, machine_key
    from rnnbench.roofline import Ceilings
    from rnnbench.runs.client import ForkServer
    from rnnbench.runs.lock import device_lock, held
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
    found = [Finding(**one) for one in answer["findings"]]
    seen = smallest_change(pairs, seconds)
    if not any(one.name in DISTURBING and one.state == CARE for one in found):  # a disturbed machine's ceilings would be too low
        keep(results, key, Ceilings.from_dict(answer["ceilings"]))
    if seen["detectable_ratio"] is not None:
        told = {"device": chosen, "at_utc": now_utc(), "seconds": seconds, "pairs": pairs, "alpha": ALPHA, "power": POWER}
        if keep_trial(results, key, {**told, "detectable_ratio": seen["detectable_ratio"]}):
            seen["said"] += f" Kept in {results / TRIAL}."
    if as_json:
        whole: dict[str, Any] = {"device": chosen, "findings": [one.as_dict() for one in found], "ceilings": answer["ceilings"]}
        say(json.dumps({**whole, "trial": {"seconds": seconds, "pairs": pairs, **seen}}, indent=1))
        return
    _show(found, answer["ceilings"], seen["said"])


def smallest_change(pairs: Sequence[tuple[float, float]], seconds: float) -> dict[str, Any]:
    """The smallest change that these pairs would have shown nine times of ten, and that in words."""
    from rnnbench import units
    from rnnbench.analysis.evidence import LEAST_PROCESSES, POWER, Sample, detectable

    if not seconds:
        return {"detectable_ratio": None, "said": "No A/A trial was asked for (--seconds 0)."}
    sample = Sample.of([a for a, _ in pairs], [b for _, b in pairs], paired=True)
    if not sample.enough:
        said = (
            f"{len(pairs)} pairs in {seconds:g} s are too few to tell what can be seen here: give --seconds {LEAST_PROCESSES * 4} or more."
        )
        return {"detectable_ratio": None, "said": said}
    least = detectable(sample, 0.0, ALPHA)
    said = (
        f"The same code, measured in {len(pairs)} pairs in {units.duration(seconds)}: a change of {units.percent(least)} or more"
        f" would be seen {POWER:.0%} of the time. For smaller ones raise --processes or quiet the machine."
    )
    return {"detectable_ratio": least, "said": said}


def _show(found: Sequence["Finding"], ceilings: dict[str, Any], said: str) -> None:
    from rich.table import Table

    from rnnbench import units
    from rnnbench.cli.terminal import console, shown

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
