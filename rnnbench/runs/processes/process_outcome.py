"""A measuring process seen from outside: its current case, and what its end means (a signal, an exit, a hang)."""

import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnbench.case import Case
from rnnbench.device.memory_limits import free_bytes, oom_kills
from rnnbench.journal import now_utc
from rnnbench.measure.outcome import speaks_of_memory
from rnnbench.record import BadRecord, Record, Trial
from rnnbench.runs.processes.client import Event
from rnnbench.units import binary_bytes

_FATAL = re.compile(
    r"^(?:Fatal Python error: .*|terminate called.*|  what\(\): .*|MemoryError|rnnbench\.\S+: .*|\S*(?:Error|Exception): .*)$", re.MULTILINE
)
_HUNG = re.compile(r"^rnnbench hung: (.*)$", re.MULTILINE)  # names the rank that the others waited for
_TAIL = 100_000
_LONGEST = 300


class ProcessOutcome:
    """Follows one process through its events and its end."""

    def __init__(self, tasks: Sequence[Trial], log: Path) -> None:
        self._left = {task.key: task for task in tasks}
        self._taken = 0
        self._gave_up = False
        self._blames = False
        self._in_case = False
        self.log = log
        self.pid = 0
        self.finished: Record | None = None
        """The last record, held back until the process has ended, because its end may add a note."""
        self._look(tasks[0])

    @property
    def case(self) -> Case:
        """The current case."""
        return self._current[0]

    def begin(self, event: Event) -> Trial:
        """A case begins."""
        self._look(self._left[(event["id"], event["process"])])
        self._began_utc = event["started_utc"]
        self._in_case = True
        return self._current

    def take(self, event: Event) -> Record | None:
        """The record that the process sent. None if it is held back as `finished`, or belongs to no case of this process."""
        try:
            record = Record.from_dict(event["record"])
        except BadRecord as error:
            return self.ended_by("failed", f"its record cannot be read: {error}")
        if self._left.pop(record.key, None) is None:
            return None
        self._in_case = False
        self._taken += 1
        record = record if record.status == "ok" else replace(record, log=self.log.name)
        if self._left:
            return record
        self.finished = record
        return None

    def give_up(self) -> None:
        """The process exceeded its time limit. The current case is blamed, if there is one."""
        self._gave_up = True
        self._blames = bool(self._left) and not self._between()

    def end(self, event: Event, limit_s: float) -> Record | None:
        """The record that follows from the end of the process. None between two cases: the next process continues with the rest."""
        notes = tuple(_leftovers(event))
        if self.finished is not None:
            return replace(self.finished, notes=(*self.finished.notes, *self._late(event), *notes))
        if self._gave_up:
            if not self._blames:
                return None
            who = "".join(f": {ranks}" for ranks in _HUNG.findall(self._log_tail())[-1:])
            return self.ended_by("timeout", f"still running after {limit_s:g} s{who}; killed (the log shows where it hung)", notes=notes)
        if self._between() or not self._left:
            return None
        how, message = _how(event), self._fatal_message()
        if event.get("signal") == signal.SIGKILL and self._kernel_killed():
            free, held = binary_bytes(self._free_bytes), binary_bytes(event["max_rss_bytes"])
            how = f"killed by the kernel's out-of-memory killer: peak {held}, {free} free at the start"
        elif not speaks_of_memory(message):
            return self.ended_by("crashed", f"{how} ({message})" if message else how, notes=notes)
        else:
            how = f"{how} ({message})"
        absent = {"requested_bytes": "the requested size is unknown"}
        return self.ended_by("oom", how, metrics={"available_bytes": float(self._free_bytes)}, absent=absent, notes=notes)

    def lost(self, why: str) -> Record | None:
        """The record if no more events of the process will arrive."""
        if self.finished is not None:
            return replace(self.finished, notes=(*self.finished.notes, f"at its end: {why}"))
        if self._between() or not self._left:
            return None
        return self.ended_by("oom" if self._kernel_killed() else "crashed", why)

    def ended_by(self, status: str, reason: str, **more: Any) -> Record:
        """A record of the current case that the process could not make itself."""
        case, process = self._current
        self._left.pop(self._current.key, None)
        self._in_case = False
        self._taken += 1
        ended = {"pid": self.pid, "log": self.log.name, "started_utc": self._began_utc, "finished_utc": now_utc()}
        return Record(case=case, process=process, status=status, reason=reason, **ended, **more)

    def _look(self, task: Trial) -> None:
        """Note the state of memory and log as a case begins."""
        self._current = task
        self._began_utc = now_utc()
        self._oom_kills = oom_kills()
        self._free_bytes = free_bytes()
        self._log_begin = self.log.stat().st_size if self.log.exists() else 0

    def _between(self) -> bool:
        return not self._in_case and self._taken > 0

    def _kernel_killed(self) -> bool:
        """Whether the out-of-memory killer has been active since the case began."""
        return oom_kills() > self._oom_kills

    def _late(self, event: Event) -> tuple[str, ...]:
        """What went wrong after the last record."""
        if self._gave_up:
            return ("its process hung after the last round and was killed",)
        return (f"after the last round: {_how(event)}",) if "signal" in event else ()

    def _fatal_message(self) -> str:
        """The fatal line that this case left in the log, or ""."""
        fatal = _FATAL.findall(self._log_tail())
        return " ".join(word.strip() for word in _of_interest(fatal))[:_LONGEST]

    def _log_tail(self) -> str:
        """The end of this case's part of the log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(self._log_begin, self.log.stat().st_size - _TAIL))
                return file.read(_TAIL).decode("utf-8", "replace")
        except OSError:
            return ""


def _leftovers(event: Event) -> Iterator[str]:
    """Notes about processes that an ended process left behind."""
    if count := event.get("leaked", 0):
        yield f"left {count} {'process' if count == 1 else 'processes'} running; killed"
    if event.get("survived"):
        yield f"its process {event['pid']} survived SIGKILL: the kernel does not release it"


def _of_interest(fatal: Sequence[str]) -> Sequence[str]:
    """The relevant lines: both lines of a C++ error, without Python's `Aborted` after them; otherwise the last line."""
    cpp = [line for line in fatal if line.startswith(("terminate called", "  what()"))]
    return cpp[-2:] or fatal[-1:]


def _how(event: Event) -> str:
    """The end of a process in words."""
    if "signal" in event:
        return f"killed by {signal.Signals(event['signal']).name}"
    return f"its process exited with code {event['code']} before the case had ended"
