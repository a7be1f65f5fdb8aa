"""`rnnbench history`: change points over all runs, each with its commit range."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli.app import LOOK, app
from rnnbench.cli.compare import From, MarkdownFile, Results, TriageFile, Webhook, append, known_format, known_webhook, send
from rnnbench.cli.display.output import say, say_error
from rnnbench.errors import EXIT_REGRESSION

if TYPE_CHECKING:
    from rnnbench.gate.history import History
    from rnnbench.gate.series import Series
    from rnnbench.gate.source import Source

FORMATS = ("table", "json", "md", "otava-csv", "openmetrics")
_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 40


@app.command(rich_help_panel=LOOK)
def history(
    results: Results = Path("results"),
    metric: Annotated[
        list[str] | None, typer.Option(help="Metric to analyse. Default: step_time_s and the exact ones. Repeatable.")
    ] = None,
    case: Annotated[str, typer.Option(metavar="GLOB", help="Only cases whose id matches: 'depth/lstm*'.")] = "*",
    canary: Annotated[
        str, typer.Option(metavar="CASE", help="Correct for the machine drift that this case shows; none for no correction.")
    ] = "canary",
    min_change: Annotated[str, typer.Option(metavar="SHARE", help="Smallest change point to report.")] = "2%",
    format_: Annotated[str, typer.Option("--format", "-f", help=f"{', '.join(FORMATS)}.")] = "table",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a page that plots each series with a change point.")] = None,
    markdown: MarkdownFile = None,
    from_: From = "",
    webhook: Webhook = "",
    triage: TriageFile = None,
    check: Annotated[bool, typer.Option("--check", help="Exit status 3 if a change for the worse is not triaged.")] = False,
) -> None:
    """Find change points across all runs in a folder, with the commit range of each."""
    from rnnbench.gate.formats import histories
    from rnnbench.gate.history import history as read
    from rnnbench.gate.policy import share
    from rnnbench.gate.source import source_at
    from rnnbench.gate.triage import FILE, read_triage, triaged
    from rnnbench.record import METRICS

    known_format(format_, FORMATS)
    known_webhook(webhook)
    metrics = tuple(metric or ("step_time_s", *(name for name, one in METRICS.items() if one.deterministic)))
    entries = read_triage(triage or results / FILE, needed=triage is not None)
    source = source_at(results, from_, warm=True)
    found = triaged(read(source, metrics=metrics, cases=case, canary=canary, min_change=share(min_change, "--min-change")), entries)
    if markdown is not None:
        append(markdown, histories.as_markdown(found))
    if html is not None:
        from rnnbench.reports.forms.history_page import write_history

        say_error(f"{write_history(found, html)}")
    if webhook:
        send(webhook, {"kind": "history", **histories.as_dict(found)}, histories.headline(found))
    if format_ in ("otava-csv", "openmetrics"):
        say(_runs_as(format_, source, metrics), nl=False)
    elif format_ != "table":
        say({"json": histories.as_json, "md": histories.as_markdown}[format_](found).rstrip("\n"))
    else:
        _screen(found)
    if check and found.open:
        raise typer.Exit(EXIT_REGRESSION)


def _runs_as(format_: str, source: "Source", metrics: tuple[str, ...]) -> str:
    from rnnbench.gate.formats.exports import metrics_text, otava
    from rnnbench.gate.history import sides_of

    sides = sides_of(source)
    return otava(sides, metrics) if format_ == "otava-csv" else metrics_text(sides, metrics, timed=True)


def _screen(found: "History") -> None:
    """Each series with a change point, as a sparkline, and its changes."""
    from rnnbench.cli.display.terminal import console, shown
    from rnnbench.gate.formats.histories import edge, headline, row

    out = console()
    for one in found.series:
        if not one.changes and not one.pending:
            continue
        out.print(f"[bold]{shown(one.case)}[/]", soft_wrap=True)
        freed = f", corrected for the drift of {one.canary}" if one.canary else ""
        out.print(f"  {sparkline(one)}  [dim]{len(one.measured)} runs on {shown(one.machine)}{shown(freed)}[/]", soft_wrap=True)
        for change in one.changes:
            colour = {True: "red", False: "green", None: "yellow"}[change.worse]
            _, _, label, size, values, commits, run, _, triage = row(one, change)
            colour = "dim" if triage else colour
            out.print(f"  [{colour}]{shown(label)} {size}[/]  {shown(values)}  {shown(commits)}  {shown(run)}", soft_wrap=True)
            if triage:
                out.print(f"    {shown(triage)}", soft_wrap=True)
        if one.pending:
            out.print(f"  [yellow]{shown(edge(one))}[/]", soft_wrap=True)
    for note in found.notes:
        out.print(f"[yellow]note[/]  {shown(note)}")
    out.print(f"{headline(found)}.")


def sparkline(one: "Series") -> str:
    """The figures as blocks, the newest last, between the 5th and the 95th per cent of them."""
    import numpy as np

    values = np.array([point.value for point in one.measured])
    shown = np.array([np.median(part) for part in np.array_split(values, min(_WIDTH, len(values)))])
    low, high = np.quantile(values, [0.05, 0.95])
    share = np.clip((shown - low) / (high - low), 0, 1) if high > low else np.full(len(shown), 0.5)
    return "".join(_BLOCKS[round(float(value) * (len(_BLOCKS) - 1))] for value in share)
