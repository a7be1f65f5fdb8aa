"""What runs on a cluster machine: the same fork server and supervisor as locally, behind a Ray actor."""

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from rnnbench.device.load import at_start
from rnnbench.errors import RnnbenchError
from rnnbench.measure.job import Job
from rnnbench.runs.catalog import shipped
from rnnbench.runs.lock import Busy, device_lock, held
from rnnbench.runs.machine import measured
from rnnbench.runs.processes.client import Event, ForkServer
from rnnbench.runs.processes.supervisor import Supervisor
from rnnbench.runs.request import PIN_VARIABLE
from rnnbench.scratch import scratch

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
LONGEST_LOG = 256 * 2**10


@dataclass(frozen=True, slots=True)
class Orders:
    """What a station is told as it starts. `files` are the user's own: path at the head → content. `suites` is path → name."""

    device: str | None
    plugins: tuple[str, ...]
    suites: Mapping[str, str]
    files: Mapping[str, bytes]
    environment: Mapping[str, str]
    cores: int | None
    index: int
    shared: bool


Told = tuple[dict[str, Any], bytes]
"""A record as plain values, and what its process printed."""


class Worker:
    """One place for one case at a time."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._stack = contextlib.ExitStack()
        self._scratch = self._stack.enter_context(scratch())  # of a station that is killed, the next rnnbench there removes it
        (self._scratch / "logs").mkdir()
        self._paths = {path: self._file(number, path) for number, path in enumerate(orders.files)}
        self._device = ""
        self._limits: Mapping[str, float] = {}
        _as_on_this_machine()
        self._environment = {**orders.environment, **_confined(orders)}
        self._server = self._start()
        warm = [self._server]
        self._supervisor = Supervisor(
            start=lambda: warm.pop() if warm else self._start(),
            log_path=self._log,
            limit=lambda case: self._limits[str(case)],
            watch=lambda *_: None,
        )

    def survey(self) -> Event:
        """What this machine is and has, or `refused` with the reason."""
        orders = self._orders
        plugins = [self._paths.get(path, path) for path in orders.plugins]
        try:
            found = self._server.ask("survey", {"device": orders.device, "plugins": plugins}, self._log("survey"))
        except RnnbenchError as error:
            return {"refused": str(error), "exit_code": error.exit_code, "hostname": socket.gethostname()}
        self._device = found["device"]
        gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if orders.device != "cpu" else []
        return {**found, "hostname": socket.gethostname(), "gpu_ids": [one for one in gpus if one], "pid": os.getpid()}

    def hold(self, wait: bool) -> Mapping[str, Any]:
        """Take this machine's lock of the device, for as long as the station is; says what load it found, or who has the lock."""
        lock = held(f"device {self._device!r}", device_lock(self._device), (lambda _: None) if wait else None, shared=self._orders.shared)
        try:
            self._stack.enter_context(lock)
        except Busy as error:
            return {"busy": str(error)}
        return {"load": at_start(self._device)}

    def ceilings(self) -> Mapping[str, Any]:
        """What the device can do at most; where that cannot be had, the reason."""
        try:
            return measured(self._device, self._server, self._log("ceilings")).as_dict()
        except (RnnbenchError, KeyError, TypeError, ValueError) as error:
            return {"absent": {"all": str(error)}}

    def measure(self, data: Mapping[str, Any], limits: Mapping[str, float]) -> Iterator[Told]:
        """The record of each task of a job, as each ends."""
        self._limits = limits
        job = Job.from_dict(data)
        path = self._paths.get(job.suite_path) or str(shipped()[self._orders.suites[job.suite_path]])
        plugins = tuple(self._paths.get(one, one) for one in job.plugins)
        here = replace(job, suite_path=path, plugins=plugins, kept=str(self._scratch / "kept"))
        for record in self._supervisor.run(here):
            yield record.as_dict(), self._said(record.log)

    def close(self) -> None:
        """End the fork server, give the lock back, leave no file."""
        self._supervisor.close()
        self._server.close()
        self._stack.close()

    def _start(self) -> ForkServer:
        return ForkServer(self._log("server"), environment=self._environment)

    def _log(self, name: str) -> Path:
        return self._scratch / "logs" / f"{name}.log"

    def _said(self, log: str) -> bytes:
        """The end of a log, which then goes: the head keeps it."""
        path = self._scratch / "logs" / log
        if not log or not path.is_file():
            return b""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LONGEST_LOG))
            return file.read()

    def _file(self, number: int, path: str) -> str:
        """A file of the user's own: where it lies on a shared disk, else a copy."""
        content = self._orders.files[path]
        with contextlib.suppress(OSError):
            if Path(path).read_bytes() == content:
                return path
        copy = self._scratch / "files" / str(number) / Path(path).name
        copy.parent.mkdir(parents=True)
        copy.write_bytes(content)
        return str(copy)


def _confined(orders: Orders) -> dict[str, str]:
    """Threads and CPUs for a case that is to have so many cores."""
    if orders.cores is None:
        return {}
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    own = usable[orders.index * orders.cores : (orders.index + 1) * orders.cores]
    pin = {PIN_VARIABLE: ",".join(map(str, own))} if len(own) == orders.cores < len(usable) else {}
    return {**dict.fromkeys(THREADS, str(orders.cores)), **pin} if THREADS[0] not in orders.environment else pin


def _as_on_this_machine() -> None:
    """Ray tells every worker to use one thread; cases are to use as many as they would without Ray on this machine."""
    with contextlib.suppress(psutil.Error, OSError):
        of_node = psutil.Process(os.getppid()).environ()
        for name in THREADS:
            if name not in of_node:
                os.environ.pop(name, None)
