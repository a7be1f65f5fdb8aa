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
    """Measures on this machine. `server` starts at once and imports torch while the request is checked."""

    at_once = 1

    def __init__(self, request: Request, scratch: Path) -> None:
        self._environment = request.server_environment()
        self.server = self._start(scratch / "server.log")
        self._supervisor: Supervisor | None = None

    def survey(self, request: Request, plugins: tuple[str, ...], scratch: Path) -> Event:
        """Survey this machine in a child of the server."""
        return self.server.ask("survey", {"device": request.device, "plugins": plugins}, scratch / "survey.log")

    def arguments(self) -> Mapping[str, Any]:
        """Empty: cases on this machine need no description of their placement."""
        return {}

    def identity(self, machine: Mapping[str, Any]) -> Mapping[str, Any]:
        """All facts about the machine: on one machine none may differ."""
        return machine

    @contextmanager
    def reserved(self, device: str, wait: Callable[[str], None] | None) -> Iterator[None]:
        """Lock the device on this machine."""
        with held(f"device {device!r}", device_lock(device), wait):
            yield

    def load(self, device: str) -> Mapping[str, Any]:
        """The load of this machine."""
        return at_start(device)

    def open(self, run: Run, device: str, scene: Scene) -> Run:
        """The run with this machine's ceilings, which are measured if the cache has none."""
        warm = [self.server]
        self._supervisor = Supervisor(
            start=lambda: warm.pop() if warm else self._start(scene.log_path(SERVER_LOG)),
            log_path=scene.log_path,
            limit=scene.limit,
            watch=scene.begin,
        )
        return with_ceilings(run, device, scene.results, self.server, scene.log_path(CEILINGS_LOG))

    def records(self, jobs: Iterator[Job]) -> Iterator[Record]:
        """Run one job after another."""
        assert self._supervisor is not None
        for job in jobs:
            yield from self._supervisor.run(job)

    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """Empty: there is only this machine."""
        return {}

    def close(self) -> None:
        """End the server and its children."""
        if self._supervisor is not None:
            self._supervisor.close()
        self.server.close()

    def _start(self, log: Path) -> ForkServer:
        return ForkServer(log, environment=self._environment)
