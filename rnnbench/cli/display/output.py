"""The one place where commands print plain lines, with untrusted text made safe."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import typer

from rnnbench.errors import EXIT_CLOSED_PIPE, EXIT_TOOL, RnnbenchError
from rnnbench.spelling import spelt, spelt_lines


class OutputFailed(RnnbenchError):
    """Standard output takes no more: its device is full, or cannot be written."""

    exit_code = EXIT_TOOL

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot write to standard output: {error.strerror or error}; what was printed is not complete")


class ReaderGone(RnnbenchError):
    """Whoever read standard output has closed it, as `head` does. No mistake: nothing is said of it."""

    exit_code = EXIT_CLOSED_PIPE


def say(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Print lines of ours, which may hold data."""
    typer.echo(spelt_lines(str(text)), err=err, nl=nl)


def say_error(sentence: object) -> None:
    """One sentence on standard error, on one line whatever it quotes. Where that cannot be written, the exit status has to do."""
    try:
        typer.echo(f"rnnbench: {spelt(str(sentence))}", err=True)
    except OSError:  # what is left in its buffer would end Python with 120
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it lasts as long as the process


@contextmanager
def guarded_output() -> Iterator[None]:
    """Within it standard output raises OutputFailed or ReaderGone, and not OSError, which libraries take for one of their own. What is
    still in its buffer is written at the end. A stream that cannot hold a letter (another encoding) shows its code."""
    if sys.stdout is None:  # closed by the caller (`>&-`): its number must not become that of a file that is opened later
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it lasts as long as the process
    real = sys.stdout
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout = _Guarded(real)
    try:
        yield
        sys.stdout.flush()
    except (OutputFailed, ReaderGone):
        _discard(real)
        raise
    except BaseException:
        with suppress(OutputFailed, ReaderGone):
            sys.stdout.flush()
        raise
    finally:
        sys.stdout = real


class _Guarded:
    """A text stream whose failures are ours."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, text: str) -> int:
        """As the stream's own."""
        with _translated():
            return int(self._inner.write(text))

    def flush(self) -> None:
        """As the stream's own."""
        with _translated():
            self._inner.flush()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        raise OutputFailed(error) from None


def _discard(stream: Any) -> None:
    """Let what is left in the buffer go nowhere: Python would try to write it once more at its end."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
