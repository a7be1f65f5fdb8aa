"""Parser errors as one sentence that quotes the value, instead of typer's box."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import typer

from rnnbench.errors import UsageError

Refused: type[Exception] = typer.BadParameter.__bases__[0]
"""The parser's own class of every such mistake; typer carries its copy of click or uses click's, by version."""


def told(error: Exception, words: Sequence[str]) -> UsageError:
    """The mistake as ours: which option, what was written, what would do, and where help is."""
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "rnnbench")
    message = str(getattr(error, "message", "")) or str(getattr(error, "format_message", lambda: error)())
    names = tuple(getattr(getattr(error, "param", None), "opts", ()))
    if isinstance(error, typer.BadParameter) and names and (value := _written(names, words)) is not None:
        said = f"{names[0]} {value!r} is invalid: {message[:1].lower()}{message[1:]}"
    else:
        said = str(getattr(error, "format_message", lambda: message)())
    return UsageError(f"{said.rstrip('.')}; see {command} -h")


def _written(names: Iterable[str], words: Sequence[str]) -> str | None:
    """The last value that the command line gives one of these options."""
    found = [value for word, value in pairwise(words) if word in names]
    found += [word.partition("=")[2] for word in words for name in names if word.startswith(f"{name}=")]
    return found[-1] if found else None
