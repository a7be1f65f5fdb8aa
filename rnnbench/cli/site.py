"""`rnnbench site`: a static site of all runs, for GitHub Pages or any other server."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli.app import LOOK, app
from rnnbench.cli.compare import From, TriageFile
from rnnbench.cli.display.output import say, say_error


@app.command(rich_help_panel=LOOK)
def site(
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new or empty folder, or an earlier site to update.")],
    results: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("results"),
    title: Annotated[str, typer.Option(help="Title of the overview.")] = "rnnbench",
    pages: Annotated[int, typer.Option(metavar="N", min=0, help="Number of newest runs that get their whole report.")] = 20,
    from_: From = "",
    triage: TriageFile = None,
) -> None:
    """Write a static site: overview, all runs, the history of each case, an Atom feed."""
    from rnnbench.gate.source import source_at
    from rnnbench.gate.triage import FILE, read_triage
    from rnnbench.reports.forms.site import write_site

    entries = read_triage(triage or results / FILE, needed=triage is not None)
    path, found = write_site(source_at(results, from_), out, title=title, pages=pages, triage=entries)
    for note in found.notes:
        say_error(note)
    say(path)
