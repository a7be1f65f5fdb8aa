"""The index of a results folder, and push and pull between folders and a store."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.bounded import content
from rnnbench.errors import BadResults, CannotWrite
from rnnbench.files import MAX_RUN_BYTES, RECORDS_FILE, RUN_FILE
from rnnbench.gate.store_source import StoreSource, stored_run
from rnnbench.journal import replace_whole
from rnnbench.store.opening import INDEX_FILE, open_database
from rnnbench.store.stored_run import MOST_BYTES

if TYPE_CHECKING:
    from rnnbench.store.database import Database
    from rnnbench.store.stored_run import StoredRun

_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,200}")  # a run's id that may become a folder's name


@dataclass(slots=True)
class Tally:
    """What became of each run: outcome → ids. `notes` tell of those that could not be read."""

    outcomes: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, outcome: str, run: str) -> None:
        """One more run."""
        self.outcomes.setdefault(outcome, []).append(run)

    def __str__(self) -> str:
        return ", ".join(f"{len(runs)} {outcome}" for outcome, runs in self.outcomes.items()) or "no run"


def refreshed(results: Path) -> StoreSource:
    """The index of a folder, brought up to date, as a source."""
    database, tally = index(results)
    return StoreSource(database, tally.notes)


def index(results: Path) -> "tuple[Database, Tally]":
    """Read what is new or has changed since the last time; forget what is gone. A half-written last line waits for the next time."""
    if not results.is_dir():
        raise BadResults(results, "there is no such folder")
    database, tally = open_database(f"sqlite:///{results / INDEX_FILE}", create=True), Tally()
    known = {line.folder: line for line in database.lines()}
    there: set[str] = set()
    for folder in _folders(results):
        there.add(folder.name)
        seen = _seen(folder)
        if folder.name in known and known[folder.name].seen == seen:
            tally.add("unchanged", folder.name)
            continue
        try:
            tally.add(database.put(_stored_run(folder, seen)), folder.name)
        except BadResults as error:
            tally.notes.append(f"{error}; left out")
    gone = [line for name, line in known.items() if name not in there]
    if gone:
        database.drop([line.run for line in gone])
        tally.outcomes["gone"] = [line.id for line in gone]
    return database, tally


def push(folders: Sequence[Path], address: str) -> Tally:
    """Send runs to a store, a transaction each."""
    database, tally = open_database(address, create=True), Tally()
    for folder in folders:
        try:
            tally.add(database.put(_stored_run(folder)), folder.name)
        except BadResults as error:
            tally.notes.append(f"{error}; left out")
    return tally


def pull(names: Sequence[str], address: str, results: Path) -> Tally:
    """Write runs of a store as folders; all where none is named. A folder that holds other records is left alone, and told."""
    source, tally = StoreSource.at(address), Tally()
    lines = {str(line.run): line for line in source.database.lines()}
    for key in [source.find(name) for name in names] or list(lines):
        run = lines[key].id
        if not _FOLDER.fullmatch(run):
            tally.notes.append(f"{run!r} cannot be the name of a folder; left out")
            continue
        try:
            tally.add(_unpack(results / run, *source.database.files(int(key))), run)
        except OSError as error:
            raise CannotWrite(results / run, error.strerror or error) from None
        except BadResults as error:
            tally.notes.append(f"{error}; left out")
    return tally


def _unpack(folder: Path, head: bytes, lines: bytes) -> str:
    """records.jsonl first: a folder without run.json is no run yet."""
    mine = folder / RECORDS_FILE
    old = mine.read_bytes() if mine.exists() else b""
    old_head = (folder / RUN_FILE).read_bytes() if (folder / RUN_FILE).exists() else b""
    if (old_head, old) == (head, lines):
        return "same"
    if old_head and not lines.startswith(old):
        raise BadResults(folder, "it holds records that the store's copy does not; move it away to pull")
    folder.mkdir(parents=True, exist_ok=True)
    replace_whole(mine, lines)
    replace_whole(folder / RUN_FILE, head)
    return "grown" if old_head else "new"


def _folders(results: Path) -> Iterator[Path]:
    yield from sorted(path.parent for path in results.glob(f"*/{RUN_FILE}"))


def all_runs(results: Path) -> list[Path]:
    """Every run's folder. Raises BadResults where there is none."""
    found = list(_folders(results)) if results.is_dir() else []
    if not found:
        raise BadResults(results, "it holds no run")
    return found


def _seen(folder: Path) -> str:
    parts = []
    for name in (RUN_FILE, RECORDS_FILE):
        try:
            stat = (folder / name).stat()
            parts.append(f"{stat.st_size}.{stat.st_mtime_ns}")
        except OSError:
            parts.append("-")
    return " ".join(parts)


def _stored_run(folder: Path, seen: str = "") -> "StoredRun":
    """A run's files as they are now, up to the last whole line."""
    try:
        head = content(folder / RUN_FILE, MAX_RUN_BYTES)
        path = folder / RECORDS_FILE
        lines = content(path, MOST_BYTES) if path.exists() else b""
    except OSError as error:
        raise BadResults(folder, error.strerror or str(error)) from None
    whole = lines[: lines.rfind(b"\n") + 1]
    return stored_run(head, whole, str(folder), folder.name if seen else "", seen)
