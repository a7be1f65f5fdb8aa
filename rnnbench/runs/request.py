"""What a user asked for, as it was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One `rnnbench run`. `suites` is empty only where `resume` names a run."""

    suites: tuple[str, ...] = ()
    device: str | None = None
    preset: str = "standard"
    sets: tuple[str, ...] = ()
    select: str = ""
    plugins: tuple[str, ...] = ()
    results: Path = Path("results")
    budget: Mapping[str, Any] = field(default_factory=dict)
    isolation: str = "process"
    processes: int = 1
    case_timeout_s: float = 300.0
    max_time_s: float | None = None
    skip_oversize: bool = False
    threads: int | None = None
    pin: str | None = None
    resume: str | None = None
    resume_anyway: bool = False
    wait: bool = False
    command: tuple[str, ...] = ()

    def server_environment(self) -> dict[str, str]:
        """What the measuring process has to know before it imports torch."""
        threads = {"OMP_NUM_THREADS": str(self.threads), "MKL_NUM_THREADS": str(self.threads)} if self.threads else {}
        return {**threads, **({PIN_VARIABLE: self.pin} if self.pin else {})}


PIN_VARIABLE = "RNNBENCH_PIN"
