"""One benchmark process after another, each watched from outside: whatever happens to it, its cases end as records."""

import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from rnnbench.case import Case
from rnnbench.journal import now_utc
from rnnbench.measure.job import Job
from rnnbench.record import Record
from rnnbench.runs.client import Event, ForkServer, ServerLost
from rnnbench.runs.forkserver import WHERE
from rnnbench.runs.kernel import oom_kills

GRACE_S = 1.0  # between asking a hung process where it is and killing it
Task = tuple[Case, int]
Watch = Callable[[Case, int], None]
"""Told of each case as it begins."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a case may not exceed."""

    case_timeout_s: float


class Supervisor:
    """Runs jobs on one fork server and turns every ending into a record."""

    def __init__(self, start: Callable[[], ForkServer], log_path: Callable[[str], Path], limits: Limits, watch: Watch) -> None:
        """`start` makes a fork server; it is called again where one is lost."""
        self._start = start
        self._server: ForkServer | None = None
        self._log_path = log_path
        self._limits = limits
        self._watch = watch

    def run(self, job: Job, limit: Callable[[float], float] = lambda seconds: seconds) -> Iterator[Record]:
        """The record of each task of the job, as each ends. A process that dies takes only the case that it was at.

        `limit` may shorten the time limit of a case, where the run itself is about to end.
        """
        pending = list(job.tasks)
        while pending:
            for record in self._one_process(replace(job, tasks=tuple(pending)), limit(self._limits.case_timeout_s)):
                pending = [task for task in pending if (str(task[0]), task[1]) != record.key]
                yield record

    def close(self) -> None:
        """End the fork server and whatever it runs."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _one_process(self, job: Job, timeout_s: float) -> Iterator[Record]:
        """Records of one forked process, down to the one that it died of."""
        watcher = _Watcher(job.tasks, self._log_path(_log_name(job.tasks[0])))
        try:
            self._server = self._server or self._start()
            token = self._server.fork("job", job.as_dict(), watcher.log)
            yield from self._follow(self._server, token, watcher, timeout_s)
        except ServerLost as error:
            self.close()
            yield watcher.ended_by("crashed", f"{error}")

    def _follow(self, server: ForkServer, token: int, watcher: "_Watcher", timeout_s: float) -> Iterator[Record]:
        deadline = time.monotonic() + timeout_s
        killed = False
        while True:
            event = server.next_event(max(0.0, deadline - time.monotonic()))
            if event is None:
                if not killed:
                    server.signal(token, WHERE)
                    time.sleep(min(GRACE_S, timeout_s))
                    killed = True
                server.signal(token, signal.SIGKILL)
                deadline = time.monotonic() + GRACE_S
                continue
            if event.get("token") != token:
                continue
            match event["event"]:
                case "forked":
                    watcher.pid = event["pid"]
                case "begin":
                    deadline = time.monotonic() + timeout_s
                    watcher.begin(event)
                    self._watch(*watcher.current)
                case "record":
                    yield watcher.take(event)
                    deadline = time.monotonic() + timeout_s
                case "exit":
                    last = watcher.exit(event, timeout_s if killed else None)
                    if last is not None:
                        yield last
                    return


class _Watcher:
    """What is known of a process from outside: which case it is at, and how its end is to be read."""

    def __init__(self, tasks: Sequence[Task], log: Path) -> None:
        self._left = {(str(case), process): (case, process) for case, process in tasks}
        self._ooms = oom_kills()
        self._began_utc = now_utc()
        self._in_case = False
        self._taken = 0
        self.log = log
        self.current: Task = tasks[0]
        self.pid = 0

    def begin(self, event: Event) -> None:
        """A case begins."""
        self.current = self._left[(event["id"], event["process"])]
        self._began_utc = event["started_utc"]
        self._in_case = True

    def take(self, event: Event) -> Record:
        """A record that the process itself made."""
        record = Record.from_dict(event["record"])
        self._left.pop(record.key, None)
        self._in_case = False
        self._taken += 1
        return record if record.status == "ok" else replace(record, log=self.log.name)

    def exit(self, event: Event, timeout_s: float | None) -> Record | None:
        """The record that an ending stands for: none where the process had done all, or had only finished a case."""
        if not self._left:
            return None
        if timeout_s is not None:
            return self.ended_by("timeout", f"no end after {timeout_s:g} s; killed (where it hung is in the log)")
        if not self._in_case and self._taken:
            return None  # it died between two cases: the next process goes on with the rest
        if event.get("signal") == signal.SIGKILL and oom_kills() > self._ooms:
            metrics = {"available_bytes": float(psutil.virtual_memory().available)}
            return self.ended_by("oom", f"killed by the kernel for memory; held {event['max_rss_bytes'] / 2**30:.1f} GiB at most", metrics)
        if "signal" in event:
            return self.ended_by("crashed", f"killed by {signal.Signals(event['signal']).name}")
        return self.ended_by("crashed", f"its process left with exit code {event['code']} before the case had ended")

    def ended_by(self, status: str, reason: str, metrics: dict[str, float] | None = None) -> Record:
        """A record for the case that the process was at, made from outside it."""
        case, process = self.current if self._in_case else next(iter(self._left.values()))
        self._left.pop((str(case), process), None)
        return Record(
            case=case,
            process=process,
            status=status,
            reason=_with_last_word(reason, self.log) if status == "crashed" else reason,
            metrics=metrics or {},
            pid=self.pid,
            log=self.log.name,
            started_utc=self._began_utc,
            finished_utc=now_utc(),
        )


def _with_last_word(reason: str, log: Path) -> str:
    """The reason, with the fatal line of the log where there is one."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")[-100_000:]
    except OSError:
        return reason
    fatal = re.findall(r"^(?:Fatal Python error: .*|terminate called.*|\S*(?:Error|Exception): .*)$", text, re.MULTILINE)
    return f"{reason} ({fatal[-1][:300]})" if fatal else reason


def _log_name(task: Task) -> str:
    return f"{str(task[0]).replace('/', '-')[:180]}-process{task[1]}"
