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
    """What an executor needs to know of the run: where logs and ceilings lie, how long a case may take, and whom to tell."""

    log_path: Callable[[str], Path]
    results: Path
    limit: Callable[[Case], float]
    begin: Callable[[Case, int], None]
    say: Callable[[str], None]


class Executor(Protocol):
    """Carries out jobs. The calls come in this order; `close` may come at any time, and twice."""

    @property
    def at_once(self) -> int:
        """How many cases are measured at the same time."""

    def survey(self, request: Request, plugins: tuple[str, ...], scratch: Path) -> Event:
        """Device, machine, variants and tasks of where the cases will be measured."""

    def arguments(self) -> Mapping[str, Any]:
        """What run.json is to say of how cases were placed; empty for this machine."""

    def telling(self, machine: Mapping[str, Any]) -> Mapping[str, Any]:
        """Of a machine, what may not differ where a run goes on."""

    def reserved(self, device: str, wait: Callable[[str], None] | None) -> AbstractContextManager[None]:
        """Hold the device, or devices, for as long as the block runs. Raises Busy where another run has it and `wait` is none."""

    def load(self, device: str) -> Mapping[str, Any]:
        """What else the machine does before the first case."""

    def open(self, run: Run, device: str, scene: Scene) -> Run:
        """The run with what is known of its machines' limits."""

    def records(self, jobs: Iterator[Job]) -> Iterator[Record]:
        """The record of each task of each job, as each ends. A job is taken only when it can begin."""

    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """By name, the machines that cases were given to; empty where it is the run's own."""

    def close(self) -> None:
        """End every process that was started."""
