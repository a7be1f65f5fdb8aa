"""Cases on this machine, one after another, each in a fork of one server."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnnbench.device.load import at_start
from rnnbench.measure.job import Job
from rnnbench.record import Record, Run
from rnnbench.runs.executor import Scene
from rnnbench.runs.lock import device_lock, held
from rnnbench.runs.machine import with_ceilings
from rnnbench.runs.processes.client import Event, ForkServer
from rnnbench.runs.processes.supervisor import Supervisor
from rnnbench.runs.request import Request

SERVER_LOG = "server"
CEILINGS_LOG = "ceilings"


class Local:
    """`server` is warm from the start: it imports torch while the request is checked."""

    at_once = 1

    def __init__(self, request: Request, scratch: Path) -> None:
        self._environment = request.server_environment()
        self.server = self._start(scratch / "server.log")
        self._supervisor: Supervisor | None = None

    def survey(self, request: Request, plugins: tuple[str, ...], scratch: Path) -> Event:
        """As a child of the server sees this machine."""
        return self.server.ask("survey", {"device": request.device, "plugins": plugins}, scratch / "survey.log")

    def arguments(self) -> Mapping[str, Any]:
        """Nothing: it is as ever."""
        return {}

    def telling(self, machine: Mapping[str, Any]) -> Mapping[str, Any]:
        """All of it."""
        return machine

    @contextmanager
    def reserved(self, device: str, wait: Callable[[str], None] | None) -> Iterator[None]:
        """Hold the lock of the device on this machine."""
        with held(f"device {device!r}", device_lock(device), wait):
            yield

    def load(self, device: str) -> Mapping[str, Any]:
        """This machine's."""
        return at_start(device)

    def open(self, run: Run, device: str, scene: Scene) -> Run:
        """Measure the ceilings, where they are not known."""
        warm = [self.server]
        self._supervisor = Supervisor(
            start=lambda: warm.pop() if warm else self._start(scene.log_path(SERVER_LOG)),
            log_path=scene.log_path,
            limit=scene.limit,
            watch=scene.begin,
        )
        return with_ceilings(run, device, scene.results, self.server, scene.log_path(CEILINGS_LOG))

    def records(self, jobs: Iterator[Job]) -> Iterator[Record]:
        """One job after another."""
        assert self._supervisor is not None
        for job in jobs:
            yield from self._supervisor.run(job)

    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """None but this machine."""
        return {}

    def close(self) -> None:
        """End the server and whatever it runs."""
        if self._supervisor is not None:
            self._supervisor.close()
        self.server.close()

    def _start(self, log: Path) -> ForkServer:
        return ForkServer(log, environment=self._environment)
