"""A user's own data as a task: what a file's name and content make of its name. No torch: the command line asks this first."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rnnbench import bounded
from rnnbench.errors import UsageError

KINDS = {".tsv": "pairs", ".csv": "series", ".txt": "characters"}
LARGEST_BYTES = 64 * 2**20
LONGEST_LINE = 10_000  # characters
DIGITS = 8  # of the content's hash: enough to tell two states of one file apart


class BadData(UsageError):
    """A file of data that cannot be learned from. `line` is 0 where it is the whole file."""

    def __init__(self, path: str | Path, why: str, line: int = 0) -> None:
        where = f", line {line}" if line else ""
        super().__init__(f"{str(path)!r}{where}: {why}")


def task_of(path: Path) -> str:
    """The name of the task that a file is: its own name and the beginning of its content's SHA-256, not where it lies."""
    digest = hashlib.sha256(content(path)).hexdigest()[:DIGITS]
    stem = re.sub(r"[^A-Za-z0-9_]", "_", path.stem)[:32] or "data"
    return f"own_{stem}:{digest}"


def learned(path: Path, sets: Sequence[str], plugins: Sequence[str]) -> tuple[list[str], list[str]]:
    """Overrides of axes and files to load, with this file as every case's task."""
    return [*sets, f"task={task_of(path)}"], [*plugins, str(path)]


def content(path: Path) -> bytes:
    """All of it. Raises BadData for a file that is not there, of another kind, or larger than is read."""
    if path.suffix.lower() not in KINDS:
        wanted = ", ".join(f"{suffix} ({kind})" for suffix, kind in KINDS.items())
        raise BadData(path, f"what is in it is told by its name, which ends in none of {wanted}")
    try:
        return bounded.content(path, LARGEST_BYTES)
    except OSError as error:
        raise BadData(path, error.strerror or str(error)) from None


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines, empty ones left out. Raises BadData for what is not UTF-8 or endlessly long."""
    try:
        text = content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadData(path, f"not UTF-8 at byte {error.start}") from None
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LONGEST_LINE:
            raise BadData(path, f"{len(line)} characters; a line may have {LONGEST_LINE}", number)
        if line.strip():
            yield number, line
