"""`rnnbench list`: suites, variants, tasks and axes, or one of them in full."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnbench.axis import Axis, written
from rnnbench.case import AXES
from rnnbench.cli.app import MEASURE, app
from rnnbench.cli.display.output import say
from rnnbench.cli.options import Given, takes
from rnnbench.errors import UnknownName

if TYPE_CHECKING:
    from rnnbench.runs.processes.client import Event

Row = dict[str, Any]
KINDS = {"suites": "suite", "variants": "variant", "tasks": "task", "axes": "axis"}
SHOWN = {
    "suites": ("name", "question", "sweeps", "cases"),
    "variants": ("name", "what it is, and its implementations"),
    "tasks": ("name", "about"),
    "axes": ("name", "default", "values", "about"),
}
"""Columns of each table; the rest of a row is shown with its name, and in JSON."""


@app.command("list", rich_help_panel=MEASURE)
@takes("plugin", "as_json")
def list_(
    given: Given,
    what: Annotated[
        str | None,
        typer.Argument(metavar="KIND", help="suites, variants, tasks or axes (default: all); variant NAME and the like for one."),
    ] = None,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show everything about one: list variant lstm.")] = None,
    sources: Annotated[bool, typer.Option("--sources", help="Show each variant's source, and its kernels on CUDA.")] = False,
) -> None:
    """List suites, variants, tasks and axes, or show one in full."""
    kinds = {**{kind: kind for kind in KINDS}, **{one: kind for kind, one in KINDS.items()}}
    if what is not None and what not in kinds:
        raise UnknownName("list", what, [*KINDS, *KINDS.values()])
    wanted = [kinds[what]] if what else list(KINDS)
    tables = _tables(wanted, given["plugin"] or [])
    if name is not None:
        found = {row["name"]: row for row in tables[wanted[0]]}
        if name not in found:
            raise UnknownName(KINDS[wanted[0]], name, found)
        tables = {wanted[0]: [found[name]]}
    if given["as_json"]:
        say(json.dumps(tables, indent=1))
    elif name is not None:
        _one(tables[wanted[0]][0])
    else:
        for kind, rows in tables.items():
            _table(kind, rows, SHOWN[kind], sources=sources)


def _tables(kinds: Sequence[str], plugins: list[str]) -> dict[str, list[Row]]:
    survey = _survey(plugins) if {"variants", "tasks"} & {*kinds} else {}
    makers: Mapping[str, Callable[[], list[Row]]] = {
        "suites": _suites,
        "variants": lambda: [_variant(row) for row in survey["variants"]],
        "tasks": lambda: [{"name": name, "about": about} for name, about in survey["tasks"].items()],
        "axes": lambda: [_axis(axis) for axis in AXES.values()],
    }
    return {kind: makers[kind]() for kind in kinds}


def _survey(plugins: list[str]) -> "Event":
    """What a process that has loaded the plugins knows."""
    from rnnbench.own_model import placed
    from rnnbench.runs.processes.client import ForkServer
    from rnnbench.scratch import scratch

    with scratch() as place:
        server = ForkServer(place / "server.log")
        try:
            paths = [placed(path, Path.resolve) for path in plugins]
            return server.ask("survey", {"device": None, "plugins": paths}, place / "survey.log")
        finally:
            server.close()


def _suites() -> list[Row]:
    from rnnbench.runs import catalog

    suites = [catalog.find(name).suite for name in catalog.shipped()]
    return [
        {
            **{"sweeps" if name == "x" else "lines" if name == "hue" else name: text for name, text in suite.about().items()},
            "cases": str(len(suite.expand("cpu"))),
            "cases on CUDA": str(len(suite.expand("cuda"))),
        }
        for suite in suites
    ]


def _variant(row: Mapping[str, Any]) -> Row:
    axes = {one["name"]: _axis(Axis.from_dict(one)) for one in row["axes"]}
    told = "; ".join(f"{name} ({one['default']}): {one['about']} {one.get('applies', '')}".strip() for name, one in axes.items())
    found = {"name": row["name"], "about": row["about"], "implementations": ", ".join(row["implementations"]), "source": row["source"]}
    on_cuda = row["on_cuda"]
    return {**found, **({"on CUDA": on_cuda} if on_cuda else {}), **({"axes": told} if told else {})}


def _axis(axis: Axis) -> Row:
    where = [*(["to variants that declare it"] if axis.declared and axis is AXES.get(axis.name) else []), axis.where.words()]
    found = {"name": axis.name, "default": written(axis.default), "values": axis.wanted(), "about": axis.about, "unit": axis.unit}
    applies = " ".join(word for word in where if word)
    return {**found, **({"applies": applies} if applies else {})}


def _one(row: Row) -> None:
    """Every field, one a line."""
    from rnnbench.cli.display.terminal import console, shown

    width = max(map(len, row))
    for head, text in row.items():
        if text:
            console().print(f"[bold]{head:{width}}[/]  {shown(text)}", soft_wrap=True)


def _told(row: Row, *, sources: bool) -> str:
    """A variant in a few lines: eighty columns hold no third column beside the longest names."""
    more = (row["source"], *([f"on CUDA: {row['on CUDA']}"] if "on CUDA" in row else [])) if sources else ()
    return "\n".join((row["about"], row["implementations"], *filter(None, more)))


def _table(kind: str, rows: Sequence[Row], heads: Sequence[str], *, sources: bool) -> None:
    from rich.table import Table

    from rnnbench.cli.display.terminal import console, shown_lines

    if kind == "variants":
        rows = [{"name": row["name"], heads[1]: _told(row, sources=sources)} for row in rows]
    table = Table(title=kind, title_justify="left", title_style="bold", box=None, header_style="bold")
    for head in heads:
        table.add_column(head, no_wrap=head == "name", justify="right" if head == "cases" else "left")
    for row in rows:
        table.add_row(*(shown_lines(row[head]) for head in heads))
    console().print(table, "")
