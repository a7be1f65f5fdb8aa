"""A page that follows a run, rewritten as records arrive. It yields to the run: lowest priority, and long pauses."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rnnbench.analysis.frames import load_runs
from rnnbench.files import RECORDS_FILE, RUN_FILE
from rnnbench.reports.forms.page import Live, file_name, render, write

SHARE = 10  # the pause after a page, as a multiple of the time that writing it took
LOWEST = 19


def follow(folder: Path, out: Path, every_s: float) -> Iterator[tuple[Path, str]]:
    """The page's path and the run's progress, each time that it was written, until the run ends."""
    with suppress(OSError):
        os.nice(LOWEST)
    last: object = None
    while True:
        now = _state(folder)
        began = time.monotonic()
        if now != last:
            last = now
            path, line, ended = _write(folder, out, max(1, round(every_s)))
            yield path, line
            if ended:
                return
        time.sleep(max(every_s, SHARE * (time.monotonic() - began)))


def _state(folder: Path) -> object:
    """Times and sizes of the run's files: they change as it proceeds."""
    found = []
    for name in (RUN_FILE, RECORDS_FILE):
        with suppress(FileNotFoundError):
            stat = (folder / name).stat()
            found.append((name, stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def _write(folder: Path, out: Path, every_s: int) -> tuple[Path, str, bool]:
    loaded = load_runs([folder])
    run = loaded[0].run
    done, planned = len({record.key for record in run.records}), len(run.planned)
    ended = bool(run.finished_utc)
    live = None if ended else Live(done, max(planned, done), every_s)
    path = write(out / f"{file_name([run.id])}.html", render(loaded, live=live).encode("utf-8", "replace"))
    return path, f"{done} of {max(planned, done)} records{': the run has ended' if ended else ''}", ended
