"""`rnnbench list`: suites, variants, axes."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rnnbench.case import AXES
from rnnbench.cli import MEASURE, app
from rnnbench.cli.saying import say
from rnnbench.errors import UnknownName

KINDS = ("suites", "variants", "axes")


@app.command("list", rich_help_panel=MEASURE)
def list_(
    what: Annotated[str | None, typer.Argument(help="suites, variants or axes; all where none is named.")] = None,
    plugin: Annotated[list[str] | None, typer.Option(metavar="FILE", help="A file with variants of your own.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Show what there is: suites, variants, axes and their values."""
    if what is not None and what not in KINDS:
        raise UnknownName("list", what, KINDS)
    makers = {"suites": _suites, "variants": lambda: _variants(plugin or []), "axes": _axes}
    tables = {kind: make() for kind, make in makers.items() if what in (None, kind)}
    if as_json:
        say(json.dumps(tables, indent=1))
        return
    from rich.table import Table

    from rnnbench.cli.terminal import console

    for kind, rows in tables.items():
        table = Table(title=kind, title_justify="left", title_style="bold", box=None, header_style="bold")
        for head in rows[0]:
            table.add_column(head, no_wrap=head == "name")
        for row in rows:
            table.add_row(*row.values())
        console().print(table, "")


def _suites() -> list[dict[str, str]]:
    from rnnbench.runs import catalog

    suites = [catalog.find(name).suite for name in catalog.shipped()]
    return [
        {"name": suite.name, "question": suite.question, "x": suite.x, "cases (cpu, standard)": str(len(suite.expand("cpu")))}
        for suite in suites
    ]


def _variants(plugins: list[str]) -> list[dict[str, str]]:
    from rnnbench.runs.client import ForkServer
    from rnnbench.scratch import scratch

    with scratch() as place:
        server = ForkServer(place / "server.log")
        try:
            paths = [str(Path(path).resolve()) for path in plugins]
            survey = server.ask("survey", {"device": None, "plugins": paths}, place / "survey.log")
        finally:
            server.close()
    return [{**one, "implementations": ", ".join(one["implementations"])} for one in survey["variants"]]


def _axes() -> list[dict[str, str]]:
    return [
        {
            "name": one.name,
            "default": "none" if one.default is None else str(one.default).lower(),
            "values": one.wanted(),
            "about": one.about,
        }
        for one in AXES.values()
    ]
