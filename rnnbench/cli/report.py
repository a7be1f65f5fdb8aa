"""`rnnbench report`: one HTML file from records."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import app


@app.command()
def report(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Run ids, beginnings of ids, or folders; the latest where none is named.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("results"),
    out: Annotated[Path, typer.Option(help="Folder of reports.")] = Path("reports"),
) -> None:
    """Write one self-contained HTML file: the answer, the figures, every case, the method."""
    from rnnbench.analysis.store import load_runs
    from rnnbench.files import find_run
    from rnnbench.reports.page import write_report

    loaded = load_runs([find_run(name, results) for name in runs or ["latest"]])
    for one in loaded:
        for damage in one.damage:
            typer.echo(f"rnnbench: {one.folder}: {damage}; set aside", err=True)
    typer.echo(write_report(loaded, out))
