"""`rnnbench history`: when did it change, and between which commits?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import LOOK, app
from rnnbench.cli.compare import From, MarkdownFile, Results, append, known_format
from rnnbench.cli.saying import say, say_error

if TYPE_CHECKING:
    from rnnbench.analysis.history import History, Series
    from rnnbench.analysis.source import Source

FORMATS = ("table", "json", "md", "otava-csv")
_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 40


@app.command(rich_help_panel=LOOK)
def history(
    results: Results = Path("results"),
    metric: Annotated[
        list[str] | None, typer.Option(help="A metric to look at; step_time_s and the exact ones where none is named.")
    ] = None,
    case: Annotated[str, typer.Option(metavar="GLOB", help="Only cases whose id fits: 'depth/lstm*'.")] = "*",
    canary: Annotated[
        str, typer.Option(metavar="CASE", help="Divide out the drift that this case shows; none for no correction.")
    ] = "canary",
    min_change: Annotated[str, typer.Option(metavar="SHARE", help="Smallest change of level that is told.")] = "2%",
    format_: Annotated[str, typer.Option("--format", "-f", help=f"{', '.join(FORMATS)}.")] = "table",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a page with a plot of each series that changed.")] = None,
    markdown: MarkdownFile = None,
    from_: From = "",
) -> None:
    """Find changes of level over all runs of a folder, each with the commits between which it came."""
    from rnnbench.analysis.formats import histories
    from rnnbench.analysis.history import history as read
    from rnnbench.analysis.policy import share
    from rnnbench.analysis.source import source_at
    from rnnbench.record import METRICS

    known_format(format_, FORMATS)
    metrics = tuple(metric or ("step_time_s", *(name for name, one in METRICS.items() if one.deterministic)))
    source = source_at(results, from_, warm=True)
    found = read(source, metrics=metrics, cases=case, canary=canary, min_change=share(min_change, "--min-change"))
    if markdown is not None:
        append(markdown, histories.as_markdown(found))
    if html is not None:
        from rnnbench.reports.history_page import write_history

        say_error(f"{write_history(found, html)}")
    if format_ == "otava-csv":
        say(_otava(source, metrics), nl=False)
    elif format_ != "table":
        say({"json": histories.as_json, "md": histories.as_markdown}[format_](found).rstrip("\n"))
    else:
        _screen(found)


def _otava(source: "Source", metrics: tuple[str, ...]) -> str:
    from rnnbench.analysis.formats.exports import otava
    from rnnbench.analysis.history import sides_of

    return otava(sides_of(source), metrics)


def _screen(found: "History") -> None:
    """Each series that changed: what it looks like, and its changes."""
    from rnnbench.analysis.formats.histories import headline, row
    from rnnbench.cli.terminal import console, shown

    out = console()
    for one in found.series:
        if not one.changes:
            continue
        out.print(f"[bold]{shown(one.case)}[/]", soft_wrap=True)
        told = f", {one.canary} divided out" if one.canary else ""
        out.print(f"  {sparkline(one)}  [dim]{len(one.points)} runs on {shown(one.machine)}{shown(told)}[/]", soft_wrap=True)
        for change in one.changes:
            colour = {True: "red", False: "green", None: "yellow"}[change.worse]
            _, _, label, size, values, commits, run, _ = row(one, change)
            out.print(f"  [{colour}]{shown(label)} {size}[/]  {shown(values)}  {shown(commits)}  {shown(run)}", soft_wrap=True)
    for note in found.notes:
        out.print(f"[yellow]note[/]  {shown(note)}")
    out.print(f"{headline(found)}.")


def sparkline(one: "Series") -> str:
    """The figures as blocks, the newest last, between the 5th and the 95th per cent of them."""
    import numpy as np

    values = np.array([point.value for point in one.points])
    shown = np.array([np.median(part) for part in np.array_split(values, min(_WIDTH, len(values)))])
    low, high = np.quantile(values, [0.05, 0.95])
    share = np.clip((shown - low) / (high - low), 0, 1) if high > low else np.full(len(shown), 0.5)
    return "".join(_BLOCKS[round(float(value) * (len(_BLOCKS) - 1))] for value in share)
