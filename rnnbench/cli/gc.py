"""`rnnbench gc`: remove old runs."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli.app import KEEP, app
from rnnbench.cli.compare import Results
from rnnbench.cli.display.output import say
from rnnbench.errors import UsageError


@app.command(rich_help_panel=KEEP)
def gc(
    keep: Annotated[int | None, typer.Option(metavar="N", min=0, help="The newest N runs stay.")] = None,
    older_than: Annotated[float | None, typer.Option(metavar="DAYS", min=0, max=100_000, help="Younger runs stay.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; without it they are only named.")] = False,
    results: Results = Path("results"),
) -> None:
    """Remove runs that are both older than an age limit and not among the newest N. Baselines, runs in progress and unreadable folders are
    never touched."""
    from rnnbench import units
    from rnnbench.runs.removal import old_runs, remove

    if keep is None and older_than is None:
        raise UsageError("gc needs to know what stays: give --keep N, --older-than DAYS, or both")
    found = old_runs(results, keep=keep or 0, older_than_days=older_than)
    removed = []
    for one in found:
        if yes and not remove(one):
            say(f"{one.folder.name}\tin progress; left alone")
            continue
        removed.append(one)
        say(f"{one.folder.name}\t{one.started:%Y-%m-%d}\t{units.show('parameter_bytes', one.size_bytes)}")
    total = units.show("parameter_bytes", sum(one.size_bytes for one in removed))
    told = f"{len(removed)} runs, {total}"
    say(f"removed {told}" if yes else f"would remove {told}; remove them with --yes")
