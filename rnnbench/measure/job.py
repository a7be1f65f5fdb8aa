"""Instructions for a measuring process, as plain values that are sent through a pipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnbench.budget import Budget
from rnnbench.case import AXES, LATER, Case
from rnnbench.record import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Cases of one suite file for one process. `tasks` pairs each case with the index of its process among the repeats."""

    suite_path: str
    tasks: tuple[Trial, ...]
    budget: Budget
    plugins: tuple[str, ...] = ()
    skip_oversize: bool = False
    kept: str = ""  # the folder for files that several cases of the run share, such as a trained teacher
    trial: bool = False  # a trial of tuning: trained whole, and never tested
    turn: Mapping[str, Any] = field(default_factory=dict)  # settings of the interleaving, if two processes take turns

    def as_dict(self) -> dict[str, Any]:
        """The job as JSON."""
        return {
            "suite_path": self.suite_path,
            "tasks": [[_for_any_version(case), process] for case, process in self.tasks],
            "budget": self.budget.as_dict(),
            "plugins": list(self.plugins),
            "skip_oversize": self.skip_oversize,
            "kept": self.kept,
            "trial": self.trial,
            "turn": dict(self.turn),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Job":
        """The job that `as_dict` wrote."""
        return cls(
            suite_path=data["suite_path"],
            tasks=tuple(Trial(Case.from_dict(case), process) for case, process in data["tasks"]),
            budget=Budget(**data["budget"]),
            plugins=tuple(data["plugins"]),
            skip_oversize=data["skip_oversize"],
            kept=data["kept"],
            trial=bool(data.get("trial", False)),
            turn=data.get("turn", {}),
        )


def _for_any_version(case: Case) -> dict[str, Any]:
    """The fields of a case. New fields at their default are omitted, because an older revision in a duet would refuse them."""
    kept = () if case.variant == "block_sparse" else LATER
    return {name: value for name, value in case.as_dict().items() if name not in kept or value != AXES[name].default}
