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
    """The settings of a worker. `files` maps paths of the user's files on the head to their content; `suites` maps paths to names."""

    device: str | None
    plugins: tuple[str, ...]
    suites: Mapping[str, str]
    files: Mapping[str, bytes]
    environment: Mapping[str, str]
    cores: int | None
    index: int
    shared: bool


Result = tuple[dict[str, Any], bytes]
"""A record as JSON, and the output of its process."""


class Worker:
    """Measures one case at a time in one slot."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._stack = contextlib.ExitStack()
        self._scratch = self._stack.enter_context(scratch())  # if this worker is killed, the next rnnbench on this machine removes it
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
        """The survey of this machine, or `refused` with the reason."""
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
        """Lock this machine's device until the worker ends. Returns the machine's load, or `busy` with the holder of the lock."""
        lock = held(f"device {self._device!r}", device_lock(self._device), (lambda _: None) if wait else None, shared=self._orders.shared)
        try:
            self._stack.enter_context(lock)
        except Busy as error:
            return {"busy": str(error)}
        return {"load": at_start(self._device)}

    def ceilings(self) -> Mapping[str, Any]:
        """The device's ceilings, or the reason why they could not be measured."""
        try:
            return measured(self._device, self._server, self._log("ceilings")).as_dict()
        except (RnnbenchError, KeyError, TypeError, ValueError) as error:
            return {"absent": {"all": str(error)}}

    def measure(self, data: Mapping[str, Any], limits: Mapping[str, float]) -> Iterator[Result]:
        """The record of each task of a job, as each ends."""
        self._limits = limits
        job = Job.from_dict(data)
        path = self._paths.get(job.suite_path) or str(shipped()[self._orders.suites[job.suite_path]])
        plugins = tuple(self._paths.get(one, one) for one in job.plugins)
        here = replace(job, suite_path=path, plugins=plugins, kept=str(self._scratch / "kept"))
        for record in self._supervisor.run(here):
            yield record.as_dict(), self._log_tail(record.log)

    def close(self) -> None:
        """End the fork server, release the lock and remove all files."""
        self._supervisor.close()
        self._server.close()
        self._stack.close()

    def _start(self) -> ForkServer:
        return ForkServer(self._log("server"), environment=self._environment)

    def _log(self, name: str) -> Path:
        return self._scratch / "logs" / f"{name}.log"

    def _log_tail(self, log: str) -> bytes:
        """The last LONGEST_LOG bytes of a log, for the head to keep."""
        path = self._scratch / "logs" / log
        if not log or not path.is_file():
            return b""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LONGEST_LOG))
            return file.read()

    def _file(self, number: int, path: str) -> str:
        """The path of a user's file: the original on a shared disk, otherwise a copy."""
        content = self._orders.files[path]
        with contextlib.suppress(OSError):
            if Path(path).read_bytes() == content:
                return path
        copy = self._scratch / "files" / str(number) / Path(path).name
        copy.parent.mkdir(parents=True)
        copy.write_bytes(content)
        return str(copy)


def _confined(orders: Orders) -> dict[str, str]:
    """Environment variables that confine a case to `orders.cores` threads and CPUs."""
    if orders.cores is None:
        return {}
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    own = usable[orders.index * orders.cores : (orders.index + 1) * orders.cores]
    pin = {PIN_VARIABLE: ",".join(map(str, own))} if len(own) == orders.cores < len(usable) else {}
    return {**dict.fromkeys(THREADS, str(orders.cores)), **pin} if THREADS[0] not in orders.environment else pin


def _as_on_this_machine() -> None:
    """Undo Ray's setting of one thread per worker, so that cases use as many threads as without Ray."""
    with contextlib.suppress(psutil.Error, OSError):
        of_node = psutil.Process(os.getppid()).environ()
        for name in THREADS:
            if name not in of_node:
                os.environ.pop(name, None)
