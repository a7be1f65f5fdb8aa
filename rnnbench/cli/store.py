"""`rnnbench index`, `push` and `pull`: runs in a database, a folder's own or a team's."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import KEEP, app
from rnnbench.cli.compare import Results
from rnnbench.cli.saying import say, say_error

if TYPE_CHECKING:
    from rnnbench.analysis.index import Tally

STORE = "postgresql://USER@HOST/DATABASE or sqlite:///FILE. The password comes from PGPASSWORD, a password file or a service file."


@app.command(rich_help_panel=KEEP)
def index(results: Results = Path("results")) -> None:
    """Build or refresh results/index.sqlite, from which `history` reads many runs at once. Safe beside a running benchmark."""
    from rnnbench.analysis.index import index as build

    shelf, tally = build(results)
    _tell(tally, shelf.name)


@app.command(rich_help_panel=KEEP)
def push(
    to: Annotated[str, typer.Option("--to", metavar="STORE", help=STORE)],
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Run ids, beginnings, folders; all where none.")] = None,
    results: Results = Path("results"),
) -> None:
    """Send runs to a team's store. Sending one again, or from two machines at once, changes nothing."""
    from rnnbench.analysis.index import all_runs
    from rnnbench.analysis.index import push as send
    from rnnbench.files import find_run

    folders = [find_run(name, results) for name in runs] if runs else all_runs(results)
    _tell(send(folders, to), "pushed")


@app.command(rich_help_panel=KEEP)
def pull(
    from_: Annotated[str, typer.Option("--from", metavar="STORE", help=STORE)],
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Run ids or beginnings; all where none.")] = None,
    results: Results = Path("results"),
) -> None:
    """Write runs of a store as folders. A folder that holds other records is left alone."""
    from rnnbench.analysis.index import pull as fetch

    _tell(fetch(runs or [], from_, results), "pulled")


def _tell(tally: "Tally", what: str) -> None:
    for note in tally.notes:
        say_error(note)
    say(f"{what}: {tally}")
