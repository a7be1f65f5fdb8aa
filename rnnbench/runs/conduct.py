"""A prepared run, carried out: a process for each case, a record on disk before the next begins, exports at the end."""

import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from rnnbench.budget import TRAINING, Budget
from rnnbench.case import Case
from rnnbench.errors import CannotWrite
from rnnbench.files import read_run
from rnnbench.journal import Journal, now_utc
from rnnbench.measure.job import Job
from rnnbench.record import Record, Run
from rnnbench.runs.export import benchmark_json
from rnnbench.runs.lock import device_lock, held
from rnnbench.runs.machine import put_in_place, with_ceilings
from rnnbench.runs.plan import PROCESS_COST_S, WARMUP_SHARE
from rnnbench.runs.prepare import Prepared
from rnnbench.runs.resume import set_aside
from rnnbench.runs.supervisor import Limits, Supervisor

SERVER_LOG = "server"
CEILINGS_LOG = "ceilings"
KEPT = "kept"
LEAST_FREE_BYTES = 16 * 2**20
LEAST_S = 0.05


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
    """A run that has ended, and where it lies."""

    run: Run
    folder: Path


class Purse:
    """The time that a run may take, shared out evenly among what is left of it."""

    def __init__(self, max_time_s: float | None, tasks: int) -> None:
        self._end_s = None if max_time_s is None else time.monotonic() + max_time_s
        self._tasks = tasks

    def left_s(self) -> float:
        """Until the end."""
        return float("inf") if self._end_s is None else self._end_s - time.monotonic()

    def share(self, budget: Budget, phase: str = "") -> Budget:
        """The budget of the next case: the run's own, or an even share of what is left where that is less."""
        each_s = TRAINING if phase == "converge" else 1 + WARMUP_SHARE  # of a case, for each second of its budget
        rounds_s = (self.left_s() / max(1, self._tasks) - PROCESS_COST_S) / each_s
        self._tasks -= 1
        return budget if rounds_s >= budget.max_time_s else replace(budget, max_time_s=max(LEAST_S / each_s, rounds_s))


def conduct(ready: Prepared, watcher: Watcher) -> Finished:
    """Measure every case that has no record yet. Ctrl-C and --max-time end it early, with all that is done."""
    request = ready.request
    with ExitStack() as stack:
        waiting = watcher.say if request.wait else None
        stack.enter_context(held(f"device {ready.device!r}", device_lock(ready.device), waiting))
        _check_space(ready.folder)
        journal = Journal(ready.folder, ready.run)
        stack.enter_context(held(f"run {ready.run.id!r}", ready.folder / ".lock"))
        if ready.left:
            for damage in ready.left.damage:
                watcher.say(f"records.jsonl, {damage}; set aside")
            set_aside(ready.left)
        warm = [ready.server]
        supervisor = Supervisor(
            start=lambda: warm.pop() if warm else ready.start(journal.log_path(SERVER_LOG)),
            log_path=journal.log_path,
            limits=Limits(request.case_timeout_s),
            watch=watcher.begin,
        )
        interrupted = False
        try:
            run = with_ceilings(ready.run, ready.device, request.results, ready.server, journal.log_path(CEILINGS_LOG))
            ready = replace(ready, run=run)
            journal.write_run(run)
            _measure(ready, journal, supervisor, watcher)
        except KeyboardInterrupt:
            interrupted = True
        except CannotWrite:
            supervisor.close()
            with suppress(CannotWrite):
                _finish(ready, journal, interrupted=True)
            raise
        finally:
            supervisor.close()
        return Finished(_finish(ready, journal, interrupted=interrupted), journal.folder)


def _measure(ready: Prepared, journal: Journal, supervisor: Supervisor, watcher: Watcher) -> None:
    jobs = [replace(job, kept=str((journal.folder / KEPT).absolute())) for job in ready.plan.jobs(ready.done)]
    left = sum(len(job.tasks) for job in jobs)
    purse = Purse(ready.request.max_time_s, left)
    for job in jobs:
        if purse.left_s() <= 0:
            watcher.say(f"--max-time is spent: {left} cases are left out; go on with --resume {ready.run.id}")
            return
        for record in _records(supervisor, job, purse):
            journal.append(put_in_place(replace(record, notes=(*record.notes, *ready.notes)), ready.run.machine))
            left -= 1
            watcher.end(record)


def _records(supervisor: Supervisor, job: Job, purse: Purse) -> Iterable[Record]:
    limit: Callable[[float], float] = lambda timeout: min(timeout, max(1.0, purse.left_s()))  # noqa: E731
    return supervisor.run(replace(job, budget=purse.share(job.budget, job.tasks[0][0].phase)), limit)


def _finish(ready: Prepared, journal: Journal, *, interrupted: bool) -> Run:
    """run.json with its end, and pytest-benchmark's own file, from what is on disk."""
    on_disk, _ = read_run(journal.folder)
    run = replace(ready.run, finished_utc=now_utc(), interrupted=interrupted, records=tuple(on_disk.records))
    journal.write_run(run)
    journal.write_benchmark(benchmark_json(run))
    return run


def _check_space(folder: Path) -> None:
    """Refuse to begin on a disk that is all but full."""
    home = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(home).free
    if free < LEAST_FREE_BYTES:
        raise CannotWrite(folder, f"only {free / 2**20:.1f} MiB are free there")
