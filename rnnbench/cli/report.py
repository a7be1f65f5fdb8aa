"""`rnnbench report`: records as a page, or in another form; live while a run goes on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import LOOK, app
from rnnbench.cli.compare import From, Settings
from rnnbench.cli.saying import say, say_error
from rnnbench.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from rnnbench.analysis.source import Source
    from rnnbench.analysis.store import Loaded

NAMED = "Run ids, beginnings of ids, or folders; the latest where none is named. Further runs are held against the first."
FORMS = "html, md, csv, json, png, svg (a folder of figures) or notebook. May be given again."


@app.command(rich_help_panel=LOOK)
def report(
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help=NAMED)] = None,
    formats: Annotated[list[str] | None, typer.Option("--format", "-f", help=FORMS)] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Write the page anew as records come, until the run ends. It takes turns with it.")
    ] = False,
    every: Annotated[int, typer.Option(metavar="S", min=1, help="With --watch, look for new records every so many seconds.")] = 5,
    settings: Settings = Path("pyproject.toml"),
    results: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("results"),
    out: Annotated[Path, typer.Option(help="Folder of reports.")] = Path("reports"),
    from_: From = "",
) -> None:
    """Write one self-contained page: the answer, the figures, every case, the method. Of several runs, also what changed."""
    from rnnbench.analysis.policy import read_policy
    from rnnbench.analysis.source import source_at
    from rnnbench.reports.forms import FORMS as KNOWN
    from rnnbench.reports.forms import write_as

    wanted = list(dict.fromkeys(formats or ["html"]))
    source = source_at(results, from_)
    keys = list(dict.fromkeys(source.find(name) for name in runs or ["latest"]))
    if watch:
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


def _load(source: "Source", keys: list[str]) -> "list[Loaded]":
    """The runs, with a word on what of them could not be read."""
    loaded = [source.load(key) for key in keys]
    for one in loaded:
        for damage in one.damage:
            say_error(f"{one.folder or one.run.id}: {damage}; set aside")
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
    """In the desktop's browser; where there is none, a word on stderr."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        say_error(f"no browser could be opened; the report is {path}")
