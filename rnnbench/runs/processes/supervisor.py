"""Runs one measuring process after another and watches each, so that every case gets a record even if its process dies or hangs."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from rnnbench.case import Case
from rnnbench.errors import CannotWrite
from rnnbench.measure.job import Job
from rnnbench.record import Record, Trial
from rnnbench.runs.processes.client import START_LIMIT_S, Event, ForkServer, ServerLost
from rnnbench.runs.processes.linux import STACK_DUMP
from rnnbench.runs.processes.process_outcome import ProcessOutcome

GRACE_S = 1.0  # between requesting a hung process's stack and killing it
END_LIMIT_S = 20.0  # from the last record to the end of the process
KILL_LIMIT_S = 15.0  # from killing a process to its end: a driver call that never returns blocks it forever
Watch = Callable[[Case, int], None]
"""Called with each case as it begins."""
Limit = Callable[[Case], float]
"""Returns the seconds that a case may take; called as it begins."""


class Supervisor:
    """Runs jobs on one fork server and turns every outcome into a record."""

    def __init__(self, start: Callable[[], ForkServer], log_path: Callable[[str], Path], limit: Limit, watch: Watch) -> None:
        """`start` starts a fork server; it is called again if one is lost."""
        self._start = start
        self._server: ForkServer | None = None
        self._log_path = log_path
        self._limit = limit
        self._watch = watch

    def run(self, job: Job) -> Iterator[Record]:
        """The record of each task of the job, as each ends. A process that dies costs only its current case."""
        pending = list(job.tasks)
        while pending:
            for record in self._one_process(replace(job, tasks=tuple(pending))):
                pending = [task for task in pending if (str(task[0]), task[1]) != record.key]
                yield record

    def close(self) -> None:
        """End the fork server and its children."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _one_process(self, job: Job) -> Iterator[Record]:
        """The records of one forked process, including that of a case in which it died."""
        process_outcome = ProcessOutcome(job.tasks, _new_log(self._log_path(_log_name(job.tasks[0]))))
        try:
            server, token = self._forked(job, process_outcome)
            yield from self._follow(server, token, process_outcome)
        except ServerLost as error:
            self.close()
            yield from _if_any(process_outcome.lost(f"{error}"))

    def _forked(self, job: Job, process_outcome: ProcessOutcome) -> tuple[ForkServer, int]:
        """Fork a process for the job. If the idle server was lost, another is started, so that no case is lost."""
        for last_try in (False, True):
            try:
                server = self._server = self._server or self._start()
                token = server.fork("job", job.as_dict(), process_outcome.log)
                process_outcome.pid = _next(server, token, START_LIMIT_S)["pid"]
                return server, token
            except (ServerLost, TimeoutError) as error:
                self.close()
                if last_try:
                    raise ServerLost(f"{error}" or f"no process within {START_LIMIT_S} s") from None
        raise AssertionError  # the second try returns or raises

    def _follow(self, server: ForkServer, token: int, process_outcome: ProcessOutcome) -> Iterator[Record]:
        """Receive a process's events until it ends; kill it at its time limit."""
        limit_s = self._limit(process_outcome.case)
        deadline = time.monotonic() + limit_s
        while True:
            try:
                event = _next(server, token, deadline - time.monotonic())
            except TimeoutError:
                break
            if event["event"] == "begin":
                self._watch(*process_outcome.begin(event))
                limit_s = self._limit(process_outcome.case)
            elif event["event"] == "record":
                yield from _if_any(process_outcome.take(event))
            elif event["event"] == "exit":
                return (yield from _if_any(process_outcome.end(event, limit_s)))
            else:
                continue
            deadline = time.monotonic() + (min(END_LIMIT_S, limit_s) if process_outcome.finished else limit_s)
        process_outcome.give_up()
        server.signal(token, STACK_DUMP)
        time.sleep(GRACE_S)
        server.signal(token, signal.SIGKILL)
        yield from self._await_end(server, token, process_outcome, limit_s)

    def _await_end(self, server: ForkServer, token: int, process_outcome: ProcessOutcome, limit_s: float) -> Iterator[Record]:
        """Wait for the end of a killed process. If it does not end, continue without it and with another server.

        Its further messages are ignored: the stack-dump signal may have woken it.
        """
        deadline = time.monotonic() + KILL_LIMIT_S
        try:
            while (event := _next(server, token, deadline - time.monotonic()))["event"] != "exit":
                continue
        except TimeoutError:
            self.close()
            event = {"survived": True, "pid": process_outcome.pid}
        yield from _if_any(process_outcome.end(event, limit_s))


def _if_any(record: Record | None) -> Iterator[Record]:
    if record is not None:
        yield record


def _next(server: ForkServer, token: int, limit_s: float) -> Event:
    """The next event of a process. Raises TimeoutError after `limit_s` seconds without one."""
    deadline = time.monotonic() + limit_s
    while True:
        event = server.next_event(max(0.0, deadline - time.monotonic()))
        if event is None:
            raise TimeoutError
        if event.get("token") == token:
            return event


def _new_log(path: Path) -> Path:
    """Create the log of a process here, so that a full disk ends the run and not only the case."""
    try:
        with contextlib.suppress(FileExistsError):
            path.touch(exist_ok=False)
    except OSError as error:
        raise CannotWrite(path, error.strerror or error) from None
    return path


def _log_name(task: Trial) -> str:
    return f"{str(task[0]).replace('/', '-')[:180]}-process{task[1]}"
