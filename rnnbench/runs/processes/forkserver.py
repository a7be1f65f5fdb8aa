"""A process that has imported torch but touched no device; each case is a fork of it. Run with `python -m`.

It reads requests as JSON lines from standard input and writes events as JSON lines to standard output. When its input ends, it ends with
all its children. It never imports a plugin and never uses a device; its children do.
"""

import contextlib
import faulthandler
import gc
import json
import os
import selectors
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

import psutil

from rnnbench.device.memory_limits import limit_data
from rnnbench.runs.processes.linux import STACK_DUMP, adopt_orphans, be_killed_first, die_with_parent
from rnnbench.runs.request import MEMORY_VARIABLE, PIN_VARIABLE

PIPE_BYTES = 1 << 16
SWEEP_S = 5.0


@dataclass(slots=True)
class Child:
    """A forked process and the pipe for its messages."""

    token: int
    pid: int
    pipe: int
    rest: bytes = b""


def preload() -> float:
    """Import what every case needs; returns the seconds that it took. Touches no device."""
    start = time.perf_counter()
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # otherwise torch's own check would initialise CUDA and break every fork
    import torch
    import torch._dynamo  # optimizers import it on first use, which would take 1.5 s in each child

    from rnnbench.tasks import TASKS
    from rnnbench.variants import VARIANTS

    VARIANTS.all(), TASKS.all()
    if torch.cuda.is_initialized():
        raise SystemExit("the fork server must not touch CUDA, but something that it imports does")
    gc.collect()
    gc.freeze()  # garbage collection in a child then neither visits nor copies shared memory
    return time.perf_counter() - start


class Server:
    """Forks on request, relays messages of children, and reports how they ended."""

    def __init__(self, inbox: int, outbox: int) -> None:
        self._inbox, self._outbox = inbox, outbox
        self._children: dict[int, Child] = {}
        self._requests = b""
        self._selector = selectors.DefaultSelector()
        self._wake, wake_write = os.pipe()
        for descriptor in (self._wake, wake_write):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(inbox, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve requests until the input ends."""
        while True:
            for key, _ in self._selector.select():
                if key.fd == self._inbox:
                    if not self._read_requests():
                        return self._end()
                elif key.fd == self._wake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake, PIPE_BYTES)
                elif key.data.token in self._children:
                    self._relay(key.data)
            self._reap()

    def _read_requests(self) -> bool:
        chunk = os.read(self._inbox, PIPE_BYTES)
        *lines, self._requests = (self._requests + chunk).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if request["op"] == "fork":
                self._fork(request)
            else:
                self._signal(request["token"], request["signal"])
        return bool(chunk)

    def _fork(self, request: dict[str, Any]) -> None:
        read, write = os.pipe()
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            _child(server, request, write)
        os.close(write)
        os.set_blocking(read, False)
        child = self._children[request["token"]] = Child(request["token"], pid, read)
        self._selector.register(read, selectors.EVENT_READ, child)
        self._emit({"event": "forked", "token": child.token, "pid": pid})

    def _signal(self, token: int, number: int) -> None:
        """Signal the child's whole process group, or with SIGUSR1 the child alone."""
        if (child := self._children.get(token)) is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number != STACK_DUMP:
                os.killpg(child.pid, number)
                return
        with contextlib.suppress(ProcessLookupError):  # the child alone, or a child too young to have its own group
            os.kill(child.pid, number)

    def _relay(self, child: Child) -> None:
        """Relay whole lines only: an incomplete last line of a child that died is dropped."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(child.pipe, PIPE_BYTES):
                *lines, child.rest = (child.rest + chunk).split(b"\n")
                for line in lines:
                    self._write(line + b"\n")
            self._selector.unregister(child.pipe)

    def _reap(self) -> None:
        for child in list(self._children.values()):
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid == 0:
                continue
            with contextlib.suppress(KeyError):
                self._relay(child)
            with contextlib.suppress(KeyError):
                self._selector.unregister(child.pipe)
            os.close(child.pipe)
            del self._children[child.token]
            leaked = self._sweep(child.pid)
            ended = {"code": os.WEXITSTATUS(status)} if os.WIFEXITED(status) else {"signal": os.WTERMSIG(status)}
            self._emit({"event": "exit", "token": child.token, **ended, "max_rss_bytes": usage.ru_maxrss * 1024, "leaked": leaked})

    def _sweep(self, group: int) -> int:
        """Kill the processes that a dead child left behind: its group, and orphans that this process inherited. Returns their number."""
        known = {child.pid for child in self._children.values()}
        running: set[int] = set()
        deadline = time.monotonic() + SWEEP_S
        while time.monotonic() < deadline:  # repeat, because the children of killed processes become orphans in turn
            orphans = [one for one in psutil.Process().children() if one.pid not in known]
            left = [one for orphan in orphans for one in _and_descendants(orphan)]
            running |= {one.pid for one in left}
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
            for one in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            if not orphans:
                break
            psutil.wait_procs(orphans, timeout=max(0.0, deadline - time.monotonic()))
        return len(running)

    def _end(self) -> None:
        for child in self._children.values():
            for kill in (os.killpg, os.kill):  # a very young child has no group of its own yet
                with contextlib.suppress(ProcessLookupError):
                    kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
            self._sweep(child.pid)

    def _emit(self, event: dict[str, Any]) -> None:
        self._write(json.dumps(event).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._outbox, rest) :]


def _and_descendants(one: psutil.Process) -> list[psutil.Process]:
    """A process and its descendants that are still running."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        found = [one, *one.children(recursive=True)]
    return [each for each in found if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def _child(server: int, request: dict[str, Any], pipe: int) -> None:
    """Run in the fork: detach from the server, do the work, and exit without the server's clean-up."""
    code = 1
    try:
        os.setsid()
        die_with_parent(signal.SIGKILL, server)
        be_killed_first()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        faulthandler.enable(file=2)
        faulthandler.register(STACK_DUMP, file=2, all_threads=True)
        from rnnbench.runs.processes.child import BODIES, pipe_emitter

        if request["kind"] == "job" and (most := os.environ.get(MEMORY_VARIABLE)):
            limit_data(int(most))
        code = BODIES[request["kind"]](request["data"], pipe_emitter(pipe, request["token"]))
    except BaseException:  # noqa: BLE001 - any error goes to the log, and the process ends here
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Serve on standard input and output; anything else that prints goes to standard error."""
    outbox = os.dup(1)
    os.dup2(2, 1)
    adopt_orphans()
    if pin := os.environ.get(PIN_VARIABLE):
        os.sched_setaffinity(0, {int(word) for word in pin.split(",")})
    took = preload()
    server = Server(0, outbox)
    server._emit({"event": "ready", "pid": os.getpid(), "preload_s": took})  # noqa: SLF001
    server.serve()


if __name__ == "__main__":
    main()
