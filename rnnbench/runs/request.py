"""A user's request, as written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rnnbench.budget import Budget
from rnnbench.case import Case


class Adjusting(Protocol):
    """What makes other cases of a suite's: tuned ones, or the trials of a tuning. `name` is its key in the arguments of run.json."""

    @property
    def name(self) -> str:
        """tuned or tuning."""

    def applied(self, cases: Sequence[Case], plugins: Sequence[str] = ()) -> tuple[Case, ...]:
        """The cases to measure. `plugins` may bring their tasks."""

    def about(self, cases: Sequence[Case]) -> dict[str, Any]:
        """What run.json says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of one `rnnbench run`. `suites` is empty only if `resume` names a run."""

    suites: tuple[str, ...] = ()
    device: str | None = None
    preset: str = "standard"
    sets: tuple[str, ...] = ()
    select: str = ""
    plugins: tuple[str, ...] = ()
    since: str | None = None
    every_case: bool = False
    results: Path = Path("results")
    budget: Mapping[str, Any] = field(default_factory=dict)
    isolation: str = "process"
    processes: int = 1
    case_timeout_s: float | None = None
    max_time_s: float | None = None
    skip_oversize: bool = False
    memory_limit_bytes: int | None = None
    threads: int | None = None
    pin: str | None = None
    resume: str | None = None
    resume_anyway: bool = False
    wait: bool = False
    wait_quiet_s: float | None = None
    executor: str = ""
    address: str | None = None
    on: tuple[str, ...] = ()
    cores: int | None = None
    share: bool = False
    replicate_on_each: bool = False
    machine_type: str | None = None
    command: tuple[str, ...] = ()
    adjust: "Adjusting | None" = None

    def server_environment(self) -> dict[str, str]:
        """Environment variables that the measuring process needs before it imports torch."""
        threads = {"OMP_NUM_THREADS": str(self.threads), "MKL_NUM_THREADS": str(self.threads)} if self.threads else {}
        memory = str(self.memory_limit_bytes) if self.memory_limit_bytes else ""
        return {
            **threads,
            MEMORY_VARIABLE: memory,
            PIN_VARIABLE: self.pin or "",
        }  # always set: the caller's environment has no effect


def time_limit_s(request: Request, budget: Budget, case: Case) -> float:
    """The time limit of a case in seconds: the user's, otherwise one that its budget cannot reach."""
    if request.case_timeout_s is not None:
        return request.case_timeout_s
    return CASE_TIMEOUT_S + budget.energy_s + (budget.training_s if case.phase == "converge" else 0.0)


CASE_TIMEOUT_S = 300.0
PIN_VARIABLE = "RNNBENCH_PIN"
MEMORY_VARIABLE = "RNNBENCH_MEMORY_LIMIT"
