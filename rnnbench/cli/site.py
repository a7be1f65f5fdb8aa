"""`rnnbench site`: a static folder over all runs, fit for GitHub Pages or any other server."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import LOOK, app
from rnnbench.cli.compare import From
from rnnbench.cli.saying import say, say_error


@app.command(rich_help_panel=LOOK)
def site(
    out: Annotated[Path, typer.Argument(help="A new or an empty folder, or a site of before, which is brought up to date.")],
    results: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("results"),
    title: Annotated[str, typer.Option(help="What the overview is called.")] = "rnnbench",
    pages: Annotated[int, typer.Option(metavar="N", min=0, help="The newest N runs get their whole report.")] = 20,
    from_: From = "",
) -> None:
    """Write a static site: overview, every run, the history of every case, an Atom feed. Relative links only."""
    from rnnbench.analysis.source import source_at
    from rnnbench.reports.site import write_site

    path, found = write_site(source_at(results, from_), out, title=title, pages=pages)
    for note in found.notes:
        say_error(note)
    say(path)
