"""`rnnbench comment`: the verdict as one comment of a pull request, updated in place."""

import os
from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli.app import GATE, app
from rnnbench.cli.display.output import say
from rnnbench.errors import UsageError

_LARGEST = 4 * 2**20
_HELP = "Commit that was measured; a pull request whose head is another one gets no comment."


@app.command(rich_help_panel=GATE)
def comment(
    verdict: Annotated[Path, typer.Argument(metavar="FILE", help="Markdown, as `rnnbench compare --markdown FILE` writes it.")],
    number_file: Annotated[Path, typer.Option(metavar="FILE", help="File with the pull request's number.")],
    head: Annotated[str, typer.Option(metavar="SHA", help=_HELP)],
    repository: Annotated[str, typer.Option(metavar="OWNER/NAME", help="Repository of the pull request.")],
) -> None:
    """Post the verdict as a single comment on a GitHub pull request, and update that comment on later runs.
    The token comes from GITHUB_TOKEN, the address from GITHUB_API_URL."""
    from rnnbench.gate.pull_request import Repository

    text, number = _read(verdict), _read(number_file).strip()
    if not number.isascii() or not number.isdecimal() or len(number) > 9:
        raise UsageError(f"{str(number_file)!r} holds {number[:20]!r}, which is no pull request's number")
    if not (token := os.environ.get("GITHUB_TOKEN")):
        raise UsageError("GITHUB_TOKEN is not set: give the step a token that may write comments")
    api = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    say(Repository(repository, api, token).comment(int(number), head, text))


def _read(path: Path) -> str:
    from rnnbench.bounded import content

    try:
        return content(path, _LARGEST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error}") from None
