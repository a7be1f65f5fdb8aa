"""A prepared run, carried out: a process for each case, a record on disk before the next begins, exports at the end."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from rnnbench.case import Case
from rnnbench.errors import CannotWrite
from rnnbench.files import read_run
from rnnbench.journal import Journal, make_folder, now_utc
from rnnbench.measure.known import put_in_place
from rnnbench.measure.load import at_start
from rnnbench.record import Record, Run
from rnnbench.runs.export import benchmark_json
from rnnbench.runs.lock import device_lock, held
from rnnbench.runs.machine import with_ceilings
from rnnbench.runs.plan import Task
from rnnbench.runs.prepare import Prepared
from rnnbench.runs.purse import Purse
from rnnbench.runs.request import time_limit_s
from rnnbench.runs.resume import mend, read_again
from rnnbench.runs.supervisor import Supervisor

SERVER_LOG = "server"
CEILINGS_LOG = "ceilings"
KEPT = "kept"
LOCK = ".lock"
LEAST_FREE_BYTES = 16 * 2**20
SHOWN = 3


class Watcher(Protocol):
    """Who is told how a run goes on."""

    def begin(self, case: Case, process: int) -> None:
        """A case begins."""

    def end(self, record: Record) -> None:
        """A case has ended and its record is on disk."""

    def say(self, sentence: str) -> None:
        """Something that the user should know now."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended, where it lies, and what --max-time left out of it."""

    run: Run
    folder: Path
    left_out: tuple[Task, ...] = ()


def conduct(ready: Prepared, watcher: Watcher) -> Finished:
    """Measure every case that has no record yet. Ctrl-C and --max-time end it early, with all that is done."""
    request = ready.request
    waiting = watcher.say if request.wait else None
    with ExitStack() as stack:
        stack.enter_context(held(f"device {ready.device!r}", device_lock(ready.device), waiting))
        _check_space(ready.folder)
        make_folder(ready.folder)
        stack.enter_context(held(f"run {ready.run.id!r}", ready.folder / LOCK, waiting))
        run, done = _begun(ready, watcher)
        journal = Journal(ready.folder, run)
        tasks = [task for task in ready.plan.tasks if (str(task[0]), task[1]) not in done]
        purse = Purse(request.max_time_s, len(tasks), partial(time_limit_s, request, ready.plan.budget))
        warm = [ready.server]
        supervisor = Supervisor(
            start=lambda: warm.pop() if warm else ready.start(journal.log_path(SERVER_LOG)),
            log_path=journal.log_path,
            limit=purse.limit_s,
            watch=watcher.begin,
        )
        left_out: tuple[Task, ...] = ()
        interrupted = False
        try:
            run = with_ceilings(run, ready.device, request.results, ready.server, journal.log_path(CEILINGS_LOG))
            ready = replace(ready, run=run)
            journal.write_run(run)
            left_out = _measure(ready, tasks, journal, supervisor, watcher, purse)
        except KeyboardInterrupt:
            interrupted = True
        except CannotWrite:
            supervisor.close()
            with suppress(CannotWrite):
                _finish(run, journal, interrupted=True)
            raise
        finally:
            supervisor.close()
        if left_out:
            watcher.say(_told(left_out, run.id))
        return Finished(_finish(run, journal, interrupted=interrupted), journal.folder, left_out)


def _begun(ready: Prepared, watcher: Watcher) -> tuple[Run, set[tuple[str, int]]]:
    """The run as it is to be written, and what of it is done. A run that goes on is read anew: others may have gone on with it."""
    load = at_start(ready.device)
    for note in load.get("notes", ()):
        watcher.say(note)
    if ready.left is None:
        return replace(ready.run, arguments={**ready.run.arguments, "load_at_start": load}), set()
    left = read_again(ready.left)
    for damage in left.damage:
        watcher.say(f"records.jsonl, {damage}; {'set aside' if damage.last else 'passed over: its case is measured again'}")
    mend(left.folder)
    return left.goes_on({**ready.resumed, "load_at_start": load}), left.done


def _measure(
    ready: Prepared, tasks: Sequence[Task], journal: Journal, supervisor: Supervisor, watcher: Watcher, purse: Purse
) -> tuple[Task, ...]:
    """A record for each task, on disk before the next begins. Returns the tasks that --max-time left out."""
    kept = str((journal.folder / KEPT).absolute())
    left = {(str(case), process): (case, process) for case, process in tasks}
    for job in ready.plan.jobs(tasks):
        if purse.left_s() <= 0:
            break
        budget = purse.share(job.budget, job.tasks[0][0].phase)
        for record in supervisor.run(replace(job, kept=kept, budget=budget)):
            purse.spend()
            if record.status == "timeout" and purse.cuts:
                continue
            journal.append(put_in_place(replace(record, notes=(*record.notes, *ready.notes)), ready.run.machine))
            del left[record.key]
            watcher.end(record)
            if purse.left_s() <= 0:
                break  # cases that share a process with it are left out too
    return tuple(left.values())


def _told(left_out: Sequence[Task], run: str) -> str:
    """Which cases --max-time left out, and how to get them."""
    first = ", ".join(str(case) for case, _ in left_out[:SHOWN])
    more = f" and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
    return f"--max-time is spent: {len(left_out)} cases are left out ({first}{more}); measure them with: rnnbench run --resume {run}"


def _finish(run: Run, journal: Journal, *, interrupted: bool) -> Run:
    """run.json with its end, and pytest-benchmark's own file, from what is on disk."""
    on_disk, _ = read_run(journal.folder)
    run = replace(run, finished_utc=now_utc(), interrupted=interrupted, records=tuple(on_disk.records))
    journal.write_run(run)
    journal.write_benchmark(benchmark_json(run))
    return run


def _check_space(folder: Path) -> None:
    """Refuse to begin on a disk that is all but full."""
    home = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(home).free
    if free < LEAST_FREE_BYTES:
        raise CannotWrite(folder, f"only {free / 2**20:.1f} MiB are free there")
