"""`rnnbench index`, `push` and `pull`: runs in a local index or a team's database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli.app import KEEP, app
from rnnbench.cli.compare import Results
from rnnbench.cli.display.output import say, say_error

if TYPE_CHECKING:
    from rnnbench.gate.index import Tally

STORE = "postgresql://USER@HOST/DATABASE or sqlite:///FILE. The password comes from PGPASSWORD, a password file or a service file."


@app.command(rich_help_panel=KEEP)
def index(results: Results = Path("results")) -> None:
    """Build or refresh results/index.sqlite, from which `history` reads many runs at once. Safe beside a running benchmark."""
    from rnnbench.gate.index import index as build

    database, tally = build(results)
    _tell(tally, database.name)


@app.command(rich_help_panel=KEEP)
def push(
    to: Annotated[str, typer.Option("--to", metavar="STORE", help=STORE)],
    runs: Annotated[list[str] | None, typer.Argument(metavar="RUN", help="Run ids, their prefixes, or folders. Default: all.")] = None,
    results: Results = Path("results"),
) -> None:
    """Send runs to a team's store. Sending one again, or from two machines at once, changes nothing."""
    from rnnbench.files import find_run
    from rnnbench.gate.index import all_runs
    from rnnbench.gate.index import push as send

    folders = [find_run(name, results) for name in runs] if runs else all_runs(results)
    _tell(send(folders, to), "pushed")


@app.command(rich_help_panel=KEEP)
def pull(
    from_: Annotated[str, typer.Option("--from", metavar="STORE", help=STORE)],
    runs: Annotated[list[str] | None, typer.Argument(metavar="RUN", help="Run ids or their prefixes. Default: all.")] = None,
    results: Results = Path("results"),
) -> None:
    """Download runs from a store into local folders. A folder that holds other records is left alone."""
    from rnnbench.gate.index import pull as fetch

    _tell(fetch(runs or [], from_, results), "pulled")


def _tell(tally: "Tally", what: str) -> None:
    for note in tally.notes:
        say_error(note)
    say(f"{what}: {tally}")
