"""`rnnbench report`: records as a page or in another form, live while a run is in progress."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli.app import LOOK, app
from rnnbench.cli.compare import From, Settings
from rnnbench.cli.display.output import say, say_error
from rnnbench.cli.display.requirements import Require, required, show_judged
from rnnbench.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from rnnbench.analysis.frames import Loaded
    from rnnbench.gate.source import Source

NAMED = "Run ids, prefixes of ids, or folders. Default: latest. Further runs are compared with the first."
FORMS = "html, md, csv, json, png, svg (a folder of charts) or notebook. Repeatable."


@app.command(rich_help_panel=LOOK)
def report(
    runs: Annotated[list[str] | None, typer.Argument(metavar="RUN", help=NAMED)] = None,
    formats: Annotated[list[str] | None, typer.Option("--format", "-f", help=FORMS)] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Rewrite the page as records arrive, until the run ends.")] = False,
    every: Annotated[int, typer.Option(metavar="SECONDS", min=1, help="With --watch, seconds between looks for new records.")] = 5,
    settings: Settings = Path("pyproject.toml"),
    results: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("results"),
    out: Annotated[Path, typer.Option(help="Folder of reports.")] = Path("reports"),
    from_: From = "",
    require: Require = None,
) -> None:
    """Write one self-contained page: the answer, charts, all cases, the method. With several runs, also how they compare."""
    from rnnbench.gate.policy import read_policy
    from rnnbench.gate.source import source_at
    from rnnbench.reports.forms.table import FORMS as KNOWN
    from rnnbench.reports.forms.table import write_as

    wanted, requirements = list(dict.fromkeys(formats or ["html"])), required(require)
    source = source_at(results, from_)
    keys = list(dict.fromkeys(source.find(name) for name in runs or ["latest"]))
    if watch:
        if requirements:
            raise UsageError("--require judges a run that has ended: leave out --watch")
        if from_:
            raise UsageError("--watch follows a folder on this machine: leave out --from")
        if len(keys) > 1 or wanted != ["html"]:
            raise UsageError("--watch follows one run as html: name one run, and no other --format")
        _watch(Path(keys[0]), out, every, show=open_)
        return
    for form in wanted:
        if form not in KNOWN:
            raise UnknownName("--format", form, KNOWN)
    loaded, policy = _load(source, keys), read_policy(settings)
    paths = [write_as(form, loaded, out, policy) for form in wanted]
    for path in paths:
        say(path)
    if open_:
        _show(paths[0])
    if requirements and (code := max([show_judged(one.run, requirements) for one in loaded])):
        raise typer.Exit(code)


def _load(source: "Source", keys: list[str]) -> "list[Loaded]":
    """The runs. Lines that could not be read are reported on stderr."""
    loaded = [source.load(key) for key in keys]
    for one in loaded:
        for damage in one.damage:
            say_error(f"{one.folder or one.run.id}: {damage}; skipped")
    return loaded


def _watch(folder: Path, out: Path, every: int, *, show: bool) -> None:
    from rnnbench.cli.watch import follow

    for number, (path, line) in enumerate(follow(folder, out, every)):
        if number == 0:
            say(path)
            if show:
                _show(path)
        say(line, err=True)


def _show(path: Path) -> None:
    """In the desktop's browser; without one, its path on stderr."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        say_error(f"no browser could be opened; the report is {path}")
