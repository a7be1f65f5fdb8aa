"""Carrying out a prepared run: one process per case, each record on disk before the next case begins, exports at the end."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from rnnbench.case import Case
from rnnbench.device.machine_cache import put_in_place
from rnnbench.errors import CannotWrite, NoWorkers
from rnnbench.files import RUN_FILE, read_run
from rnnbench.journal import Journal, make_folder, now_utc
from rnnbench.measure.job import Job
from rnnbench.record import Record, Run, Trial
from rnnbench.runs.executor import Scene
from rnnbench.runs.export import benchmark_json
from rnnbench.runs.lock import held
from rnnbench.runs.prepare import Prepared
from rnnbench.runs.quiet import load_before
from rnnbench.runs.request import time_limit_s
from rnnbench.runs.resume import mend, read_again
from rnnbench.runs.time_budget import TimeBudget
from rnnbench.runs.tuned_note import note_of

KEPT = "kept"
LOCK = ".lock"
LEAST_FREE_BYTES = 16 * 2**20
SHOWN = 3


class Watcher(Protocol):
    """Receives the progress of a run."""

    def begin(self, case: Case, process: int) -> None:
        """A case begins."""

    def end(self, record: Record) -> None:
        """A case has ended and its record is on disk."""

    def say(self, sentence: str) -> None:
        """A sentence for the user to read now."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended, its folder, and the cases that --max-time left out."""

    run: Run
    folder: Path
    left_out: tuple[Trial, ...] = ()


def conduct(ready: Prepared, watcher: Watcher) -> Finished:
    """Measure every case that has no record yet. Ctrl-C and --max-time end the run early; finished records are kept."""
    request, executor = ready.request, ready.executor
    waiting = watcher.say if request.wait else None
    with ExitStack() as stack:
        stack.enter_context(executor.reserved(ready.device, waiting))
        _check_space(ready.folder)
        make_folder(ready.folder)
        stack.enter_context(held(f"run {ready.run.id!r}", ready.folder / LOCK, waiting))
        run, done = _begun(ready, watcher)
        tasks = [task for task in ready.plan.tasks if task.key not in done]
        if not tasks and (whole := _ended(ready.folder)):
            watcher.say(f"run {run.id!r} has a record of every case; nothing is left to measure")
            return Finished(whole, ready.folder)
        journal = Journal(ready.folder, run)
        time_budget = TimeBudget(request.max_time_s, len(tasks), partial(time_limit_s, request, ready.plan.budget), executor.at_once)
        scene = Scene(journal.log_path, request.results, time_budget.limit_s, watcher.begin, watcher.say)
        left_out: tuple[Trial, ...] = ()
        interrupted = False
        try:
            run = executor.open(run, ready.device, scene)
            ready = replace(ready, run=run)
            journal.write_run(run)
            left_out = _measure(ready, tasks, journal, watcher, time_budget)
        except KeyboardInterrupt:
            interrupted = True
        except (CannotWrite, NoWorkers):
            executor.close()
            with suppress(CannotWrite):
                _finish(_known(run, ready), journal, interrupted=True)
            raise
        finally:
            executor.close()
        if left_out:
            watcher.say(_left_out_sentence(left_out, run.id))
        return Finished(_finish(_known(run, ready), journal, interrupted=interrupted), journal.folder, left_out)


def _ended(folder: Path) -> Run | None:
    """The run on disk if it is complete, otherwise None: resuming a complete run must not change its end time."""
    if not (folder / RUN_FILE).exists():
        return None
    run, _ = read_run(folder)
    return run if run.finished_utc and not run.interrupted else None


def _begun(ready: Prepared, watcher: Watcher) -> tuple[Run, set[tuple[str, int]]]:
    """The run to write, and the keys of its finished records. A resumed run is read again: another process may have resumed it since."""
    request = ready.request
    load = load_before(partial(ready.executor.load, ready.device), request.wait_quiet_s, request.threads, watcher.say)
    if ready.left is None:
        return replace(ready.run, arguments={**ready.run.arguments, "load_at_start": load}), set()
    left = read_again(ready.left)
    for damage in left.damage:
        watcher.say(f"records.jsonl, {damage}; {'set aside' if damage.last else 'ignored: its case is measured again'}")
    mend(left.folder)
    return left.resumed({**ready.resumed, "load_at_start": load}), left.done


def _measure(ready: Prepared, tasks: Sequence[Trial], journal: Journal, watcher: Watcher, time_budget: TimeBudget) -> tuple[Trial, ...]:
    """Write a record for each task before the next task begins. Returns the tasks that --max-time left out."""
    kept = str((journal.folder / KEPT).absolute())
    left = {task.key: task for task in tasks}
    run = ready.run

    def jobs() -> Iterator[Job]:
        for job in ready.plan.jobs(tasks):
            if time_budget.left_s() <= 0:
                return
            yield replace(job, kept=kept, trial="tuning" in run.arguments, budget=time_budget.share(job.budget, job.tasks[0].case.phase))

    for record in ready.executor.records(jobs()):
        time_budget.spend()
        if record.status == "timeout" and time_budget.cut(record.case):
            continue
        if len(known := _known(run, ready).workers) > len(run.workers):  # write a new worker's facts before its first record
            run = replace(run, workers=known)
            journal.write_run(run)
        machine = run.workers.get(record.worker, {}).get("machine", run.machine)
        journal.append(
            put_in_place(replace(record, notes=(*record.notes, *note_of(run.arguments, str(record.case)), *ready.notes)), machine)
        )
        del left[record.key]
        watcher.end(record)
        if time_budget.left_s() <= 0:
            break  # the remaining cases of its process are left out too
    return tuple(left.values())


def _known(run: Run, ready: Prepared) -> Run:
    """The run with the cluster workers known so far."""
    return replace(run, workers={**run.workers, **ready.executor.workers()})


def _left_out_sentence(left_out: Sequence[Trial], run: str) -> str:
    """Which cases --max-time left out, and how to measure them."""
    first = ", ".join(str(case) for case, _ in left_out[:SHOWN])
    more = f" and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
    return f"--max-time is up: {len(left_out)} cases were not measured ({first}{more}); measure them with: rnnbench run --resume {run}"


def _finish(run: Run, journal: Journal, *, interrupted: bool) -> Run:
    """Write run.json with the end time, and benchmark.json in pytest-benchmark's format, from the records on disk."""
    on_disk, _ = read_run(journal.folder)
    run = replace(run, finished_utc=now_utc(), interrupted=interrupted, records=tuple(on_disk.records))
    journal.write_run(run)
    journal.write_benchmark(benchmark_json(run))
    return run


def _check_space(folder: Path) -> None:
    """Raise CannotWrite if the disk is almost full."""
    home = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(home).free
    if free < LEAST_FREE_BYTES:
        raise CannotWrite(folder, f"only {free / 2**20:.1f} MiB free")
