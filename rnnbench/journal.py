"""Writing a run's folder: run.json as a whole, records.jsonl line by line. Each write is on disk before the next begins."""

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rnnbench.errors import CannotWrite
from rnnbench.files import BENCHMARK_FILE, LOGS, RECORDS_FILE, RUN_FILE
from rnnbench.record import Record, Run


def now_utc() -> str:
    """The current time in the format of records."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_run_id(suite: str) -> str:
    """A run id that sorts by time, names the suite, and is unique even within the same second."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{suite}-{secrets.token_hex(2)}"


class Journal:
    """Writes one run. It is the only writer of the run's folder."""

    def __init__(self, folder: Path, run: Run) -> None:
        """Make the run's folder and write run.json. Raises CannotWrite before anything is measured."""
        self.folder = folder
        self._records = self.folder / RECORDS_FILE
        make_folder(folder)
        for half in folder.glob(f".{RUN_FILE}.*"):  # left by a run that was killed while writing
            with suppress(OSError):
                half.unlink()
        self.write_run(run)

    def write_run(self, run: Run) -> None:
        """Replace run.json."""
        self._replace(RUN_FILE, run.as_dict())

    def write_benchmark(self, data: Mapping[str, Any]) -> None:
        """Replace benchmark.json, in pytest-benchmark's format."""
        self._replace(BENCHMARK_FILE, data)

    def append(self, record: Record) -> None:
        """Append one line; it is on disk when this returns. A write that fails midway is undone."""
        line = json.dumps(record.as_dict(), separators=(",", ":"), allow_nan=False).encode() + b"\n"
        try:
            append_whole(self._records, line)
        except OSError as error:
            raise CannotWrite(self._records, error.strerror or error) from None

    def log_path(self, name: str) -> Path:
        """The file for a process's output."""
        return self.folder / LOGS / f"{name}.log"

    def _replace(self, name: str, data: Any) -> None:
        path = self.folder / name
        try:
            replace_whole(path, json.dumps(data, indent=1, allow_nan=False).encode() + b"\n")
        except OSError as error:
            raise CannotWrite(path, error.strerror or error) from None


def make_folder(folder: Path) -> None:
    """Create the folder of a run and its subfolder for logs. Raises CannotWrite."""
    try:
        (folder / LOGS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(folder, error.strerror or error) from None


def append_whole(path: Path, line: bytes) -> None:
    """Append and fsync; on an error the file is truncated to its former size."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        before = os.fstat(descriptor).st_size
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            if before == 0:
                _sync_folder(path.parent)
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def replace_whole(path: Path, content: bytes) -> None:
    """Write a temporary file, fsync it, then rename it: a reader sees the old file or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """fsync a folder, so that a new name in it is on disk too. File systems that do not support it are ignored."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
