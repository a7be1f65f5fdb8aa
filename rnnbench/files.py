"""Reading a run's folder: run.json and records.jsonl."""

import io
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.bounded import LARGEST_BYTES, content, decoded, opened, parse
from rnnbench.errors import BadResults, UnknownName, UsageError
from rnnbench.record import BadRecord, Record, Run
from rnnbench.registry import is_file

RUN_FILE = "run.json"
RECORDS_FILE = "records.jsonl"
BENCHMARK_FILE = "benchmark.json"
LOGS = "logs"
MAX_RUN_BYTES = LARGEST_BYTES
MAX_LINE_BYTES = 64 * 2**20
"""Size limit of a line, which holds one record. A million rounds of a case and of its reference take 42 MB; rnnbench writes nothing
longer."""
MOST_BRACKETS = 500_000
"""Limit per line. Each point of a learning curve is one bracket. Three bytes on disk can become 64 bytes of memory, so that without a
limit a line could grow to gigabytes."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A line of records.jsonl that is not a record. `last` marks the half-written last line of a run that was killed."""

    line: int
    why: str
    last: bool

    def __str__(self) -> str:
        return f"line {self.line}: {self.why}" + (" (half-written when the run was killed)" if self.last else "")


def find_run(name: str, results: Path) -> Path:
    """The folder of a run: its id, an unambiguous beginning of one, `latest`, or the path of a folder."""
    runs = sorted(path.parent.name for path in results.glob(f"*/{RUN_FILE}")) if results.is_dir() else []
    if name in runs:
        return results / name
    if name == "latest" and runs:
        return results / max(runs, key=lambda run: ((results / run / RUN_FILE).stat().st_mtime_ns, run))
    if name and is_file(Path(name) / RUN_FILE):
        return Path(name)
    begins = [run for run in runs if name and run.startswith(name)]
    if len(begins) == 1:
        return results / begins[0]
    if len(begins) > 1:
        raise UnknownName("run: several start with", name, begins)
    if not runs:
        raise UsageError(
            f"unknown run {name!r}: {str(results)!r} contains no runs; create one (rnnbench run --suite depth), or name its folder with"
            " --results"
        )
    raise UnknownName("run", name, [*reversed(runs), "latest"])


def read_run(folder: Path) -> tuple[Run, list[Damage]]:
    """The run in a folder, and the damaged lines of its journal. Raises BadResults if the folder is not a run."""
    path = folder / RUN_FILE
    if not folder.exists():
        raise BadResults(folder, "there is no such folder")
    if not path.is_file():
        raise BadResults(folder, f"it holds no {RUN_FILE}")
    try:
        head = content(path, MAX_RUN_BYTES)
    except OSError as error:
        raise BadResults(path, str(error)) from None
    records, damage = read_records(folder / RECORDS_FILE)
    return run_of(head, records, path), damage


def run_of(head: bytes, records: list[Record], where: str | Path) -> Run:
    """The run described by the bytes of a run.json. Raises BadResults, which names `where` they came from."""
    try:
        return Run.from_dict(parse(decoded(head)), records)
    except BadRecord as error:
        raise BadResults(where, str(error)) from None
    except ValueError as error:
        raise BadResults(where, f"not JSON ({error})") from None


def read_records(path: Path) -> tuple[list[Record], list[Damage]]:
    """The records of one journal, in order, and its damaged lines. An absent file has no records."""
    return _parsed(_lines(path)) if os.path.lexists(path) else ([], [])


def records_of(lines: bytes) -> tuple[list[Record], list[Damage]]:
    """The records and damaged lines in the bytes of a journal."""
    return _parsed((number, line, line.endswith(b"\n")) for number, line in enumerate(io.BytesIO(lines), 1) if line.strip())


def _parsed(lines: Iterable[tuple[int, bytes, bool]]) -> tuple[list[Record], list[Damage]]:
    records: list[Record] = []
    damage: list[Damage] = []
    for number, line, whole in lines:
        try:
            records.append(Record.from_dict(_parse(line)))
        except BadRecord as error:
            damage.append(Damage(number, str(error), last=not whole))
    return records, damage


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Line number from 1, the bytes of the line, and whether it ends in a newline. Memory is bounded even for an endless line."""
    try:
        with opened(path) as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES):
                number += 1
                whole = line.endswith(b"\n")
                too_long = not whole and len(line) == MAX_LINE_BYTES
                while too_long and (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                if line.strip():
                    yield number, b"" if too_long else line, whole or too_long
    except OSError as error:
        raise BadResults(path, str(error)) from None


def _parse(line: bytes) -> Any:
    if not line:
        raise BadRecord(f"longer than {MAX_LINE_BYTES} bytes")
    if line.count(b"[") + line.count(b"{") > MOST_BRACKETS:
        raise BadRecord(f"more than {MOST_BRACKETS:,} brackets")
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise BadRecord(f"not JSON: {line[:40].decode('utf-8', 'replace')!r}") from None
