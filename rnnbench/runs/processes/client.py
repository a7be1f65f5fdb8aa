"""The supervisor's side of the fork server: start it, request children, receive their messages."""

import contextlib
import itertools
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from rnnbench.errors import EXIT_USAGE, RnnbenchError, Unloadable, UsageError

Event = Mapping[str, Any]
START_LIMIT_S = 120
_CHUNK = 1 << 16
_MARK = "RNNBENCH_SERVER"  # in the environment of the server and all its descendants


class ServerLost(RnnbenchError):
    """The fork server exited unexpectedly."""


class ForkServer:
    """A fork server of one interpreter. The constructor does not wait: the server imports torch while the caller continues."""

    def __init__(self, log: Path, *, python: str = sys.executable, environment: Mapping[str, str] | None = None) -> None:
        """`log` receives the server's own output. `environment` is added to this process's environment."""
        self._log = log
        self._mark = secrets.token_hex(8)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - the interpreter that runs rnnbench, or one that the user named
                (python, "-P", "-m", "rnnbench.runs.processes.forkserver"),  # -P: no file in the current folder shadows a module
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(environment or {}), _MARK: self._mark},
                start_new_session=True,  # only the supervisor receives Ctrl-C
            )
        assert self._process.stdout is not None
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._out, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._tokens = itertools.count(1)
        self._events: list[Event] = []
        self._rest = b""
        self.preload_s: float | None = None

    def fork(self, kind: str, data: Mapping[str, Any], log: Path) -> int:
        """Request a child; returns the token of its events."""
        token = next(self._tokens)
        self._send({"op": "fork", "token": token, "kind": kind, "data": data, "log": str(log)})
        return token

    def signal(self, token: int, number: int) -> None:
        """Send a signal to a child's process group (SIGUSR1: to the child alone)."""
        self._send({"op": "signal", "token": token, "signal": int(number)})

    def next_event(self, limit_s: float | None) -> Event | None:
        """The next event, or None after `limit_s` seconds without one. Raises ServerLost if the server has ended."""
        deadline = None if limit_s is None else time.monotonic() + limit_s
        while not self._events:
            rest = None if deadline is None else deadline - time.monotonic()
            if rest is not None and rest <= 0:
                return None
            if self._selector.select(rest):
                self._read()
        return self._events.pop(0)

    def ask(self, kind: str, data: Mapping[str, Any], log: Path) -> Event:
        """The one answer of a new child. Raises the error that the child reports."""
        token = self.fork(kind, data, log)
        answer: Event | None = None
        while (event := self.next_event(START_LIMIT_S)) is not None:
            if event.get("token") != token:
                continue
            if event["event"] == "exit":
                if answer is None:
                    raise RnnbenchError(f"the survey of this machine failed{_last_line(log)}")
                return answer
            if event["event"] == "refused":
                raise _refusal(event)
            if event["event"] != "forked":
                answer = event
        raise RnnbenchError(f"the fork server did not answer within {START_LIMIT_S} s{_last_line(self._log)}")

    def answers(self, kind: str, data: Mapping[str, Any], log: Path) -> Iterator[Event]:
        """Each answer of a new child as it arrives, until the child ends. A child that is silent for START_LIMIT_S is killed. If it is
        killed or dies, answers are missing. Raises the error that the child reports."""
        token = self.fork(kind, data, log)
        while True:
            event = self.next_event(START_LIMIT_S)
            if event is None:
                self.signal(token, signal.SIGKILL)
                return
            if event.get("token") != token or event["event"] == "forked":
                continue
            if event["event"] == "exit":
                return
            if event["event"] == "refused":
                raise _refusal(event)
            yield event

    def close(self) -> None:
        """End the server and all its children."""
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        if self._process.returncode != 0:  # it could not end the processes that its children left behind
            _end_marked(self._mark)
        if self._process.stdout:
            self._process.stdout.close()
        self._selector.close()

    def _send(self, request: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._lost() from None

    def _read(self) -> None:
        chunk = os.read(self._out, _CHUNK)
        if not chunk:
            raise self._lost()
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for event in filter(None, map(_event, lines)):
            if event["event"] == "ready":
                self.preload_s = event["preload_s"]
            else:
                self._events.append(event)

    def _lost(self) -> ServerLost:
        return ServerLost(f"the measuring process exited unexpectedly{_last_line(self._log)}")


def _event(line: bytes) -> Event | None:
    """The event in a line, or None. A case may write anything into any descriptor, so other lines are ignored."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("event"), str) else None


def _end_marked(mark: str) -> None:
    """Kill every process whose environment has the mark of a server that has ended."""
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if one.environ().get(_MARK) == mark:
                one.kill()


def _refusal(event: Event) -> RnnbenchError:
    """The error that a child reports, to be raised in this process."""
    kinds = {"unloadable": Unloadable, "usage": UsageError}
    return kinds.get(event.get("kind", ""), UsageError if event["exit_code"] == EXIT_USAGE else RnnbenchError)(event["message"])


def _last_line(log: Path) -> str:
    """The last line of a log as the end of a sentence, `: line`, or nothing."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return f": {lines[-1]}" if lines else ""
