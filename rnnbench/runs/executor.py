"""The interface of an executor, which carries out a run's jobs, and what it needs to know about the run."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rnnbench.case import Case
from rnnbench.measure.job import Job
from rnnbench.record import Record, Run
from rnnbench.runs.processes.client import Event
from rnnbench.runs.request import Request


@dataclass(frozen=True, slots=True)
class Scene:
    """What an executor needs from the run: paths of logs and ceilings, time limits, and callbacks for progress."""

    log_path: Callable[[str], Path]
    results: Path
    limit: Callable[[Case], float]
    begin: Callable[[Case, int], None]
    say: Callable[[str], None]


class Executor(Protocol):
    """Carries out jobs. Methods are called in this order; `close` may be called at any time, and twice."""

    @property
    def at_once(self) -> int:
        """Number of cases measured at the same time."""

    def survey(self, request: Request, plugins: tuple[str, ...], scratch: Path) -> Event:
        """Device, machine, variants and tasks, as found where the cases will be measured."""

    def arguments(self) -> Mapping[str, Any]:
        """How cases were placed, for run.json's arguments; empty for this machine."""

    def identity(self, machine: Mapping[str, Any]) -> Mapping[str, Any]:
        """The facts about a machine that must not differ when a run is resumed."""

    def reserved(self, device: str, wait: Callable[[str], None] | None) -> AbstractContextManager[None]:
        """Lock the device or devices during the block. Raises Busy if another run has it and `wait` is None."""

    def load(self, device: str) -> Mapping[str, Any]:
        """The machine's load before the first case."""

    def open(self, run: Run, device: str, scene: Scene) -> Run:
        """The run with the ceilings of its machines."""

    def records(self, jobs: Iterator[Job]) -> Iterator[Record]:
        """The record of each task of each job, as each ends. A job is taken from `jobs` only when it can begin."""

    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """The cluster machines that measured cases, by name; empty if that was only this machine."""

    def close(self) -> None:
        """End every process that was started."""
