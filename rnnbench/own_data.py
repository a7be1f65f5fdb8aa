"""A user's own data file as a task: its options, and the task name made from its kind and content.

Options follow the file name after `::`, as in pytest's node ids: `series.csv::target=load::without=date`.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnbench import bounded
from rnnbench.errors import UnknownName, UsageError

KINDS = {".tsv": "pairs", ".csv": "series", ".txt": "characters"}
LARGEST_BYTES = 64 * 2**20
LONGEST_LINE = 10_000  # characters of a line with a pair
DIGITS = 8  # hex digits of the content's hash: enough to distinguish two versions of one file
MARK = "::"
OPTIONS = {
    "target": "the name of the column to forecast",
    "without": "the name of a column to leave out; may be given again",
    "keep": "the name of a column to read although it counts up like a date; may be given again",
    "separator": "comma, semicolon or tab",
    "decimal": "point or comma",
    "header": "yes or no: whether the first line holds names",
}
_CHOICES = {"separator": ("comma", "semicolon", "tab"), "decimal": ("point", "comma"), "header": ("yes", "no")}
_REPEATED = ("without", "keep")


class BadData(UsageError):
    """A data file that cannot be learned from. `line` is 0 if the problem is the whole file."""

    def __init__(self, path: str | Path, why: str, line: int = 0) -> None:
        where = f", line {line}" if line else ""
        super().__init__(f"{str(path)!r}{where}: {why}")


@dataclass(frozen=True, slots=True)
class DataSource:
    """A user's data file and the options that follow its name."""

    path: Path
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, text: str | Path) -> "DataSource":
        """Parse `FILE::KEY=VALUE…`. Raises UsageError for an invalid option, in a sentence that quotes it."""
        name, *parts = str(text).split(MARK)
        if not parts:
            return cls(Path(name))
        options = tuple((key.strip(), value) for key, _, value in (part.partition("=") for part in parts))
        for index, (key, value) in enumerate(options):
            if key not in OPTIONS:
                raise UnknownName(f"option of --data {str(text)!r}:", key, OPTIONS)
            if value not in _CHOICES.get(key, (value,)) or not value:
                raise BadData(name, f"{MARK}{key}={value} is not {OPTIONS[key]}")
            if key not in _REPEATED and key in dict(options[:index]):
                raise BadData(name, f"{MARK}{key} is given twice")
        if Path(name).suffix.lower() != ".csv":
            raise BadData(name, f"{MARK}{options[0][0]} is an option of .csv files")
        copied = os.path.isfile(text)  # noqa: PTH113 - os.path never raises; a file sent to a worker keeps its options in its name
        return cls(Path(text) if copied else Path(name), options)

    @property
    def suffix(self) -> str:
        """The file's suffix in lower case, one of KINDS."""
        return _named(self.path).suffix.lower()

    def one(self, key: str) -> str:
        """An option's value, or "" if it was not given."""
        return dict(self.options).get(key, "")

    def every(self, key: str) -> list[str]:
        """All values of an option that may be repeated."""
        return [value for name, value in self.options if name == key]


def is_data(path: str | Path) -> bool:
    """Whether a user's file is data rather than code."""
    return _named(path).suffix.lower() in KINDS


def _named(path: str | Path) -> Path:
    return Path(str(path).partition(MARK)[0])


def task_of(path: str | Path) -> str:
    """The task name of a file: its stem and the start of the SHA-256 of its content and options. It does not depend on the folder."""
    source = DataSource.of(path)
    digest = hashlib.sha256(content(source.path))
    if source.options:
        digest.update(repr(sorted(source.options)).encode())
    stem = re.sub(r"[^A-Za-z0-9_]", "_", _named(source.path).stem)[:32] or "data"
    return f"own_{stem}:{digest.hexdigest()[:DIGITS]}"


def learned(path: str | Path, sets: Sequence[str], plugins: Sequence[str]) -> tuple[list[str], list[str]]:
    """The overrides and plugins that make this file the task of every case."""
    return [*sets, f"task={task_of(path)}"], [*plugins, str(path)]


def content(path: Path) -> bytes:
    """The bytes of a data file. Raises BadData if it does not exist, is of another kind, or is too large."""
    if _named(path).suffix.lower() not in KINDS:
        wanted = ", ".join(f"{suffix} ({kind})" for suffix, kind in KINDS.items())
        raise BadData(path, f"its name must end in one of {wanted}")
    try:
        return bounded.content(path, LARGEST_BYTES)
    except OSError as error:
        raise BadData(path, error.strerror or str(error)) from None


def text(path: Path) -> str:
    """The text of a data file, with its line ends. Raises BadData if its encoding is not certain."""
    try:
        return bounded.decoded(content(path))
    except bounded.NotText as error:
        raise BadData(path, str(error)) from None


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The non-empty lines with their numbers, counted as an editor does: only CR and LF end a line. Raises BadData for a line longer
    than LONGEST_LINE."""
    for number, line in enumerate(text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if len(line) > LONGEST_LINE:
            raise BadData(path, f"{len(line)} characters; a line may have {LONGEST_LINE}", number)
        if line.strip():
            yield number, line
