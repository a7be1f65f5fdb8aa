"""All plain lines that commands print go through here: nothing of a results folder reaches a terminal as more than text."""

import sys

import typer

from rnnbench.spelling import spelt, spelt_lines


def say(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Print lines of ours, which may hold data."""
    typer.echo(spelt_lines(str(text)), err=err, nl=nl)


def say_error(sentence: object) -> None:
    """One sentence on standard error, on one line whatever it quotes."""
    typer.echo(f"rnnbench: {spelt(str(sentence))}", err=True)


def unbreakable() -> None:
    """A stream that cannot hold a letter (another encoding) shows its code instead of failing half way."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
