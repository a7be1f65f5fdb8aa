"""Trainings from plain numbers. Nothing here was trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from rnnbench.case import Case
from rnnbench.gate.side import Side
from rnnbench.record import Record
from tests.gate.sides import side

MOST = 1000.0


def trainings(steps: Sequence[float | None], errors: Sequence[float] | None = None, *, first_seed: int = 0, **axes: Any) -> list[Record]:
    """A record a seed. None missed its target; infinity diverged. With errors every training is whole, else it stops at its target."""
    found = []
    for place, taken in enumerate(steps):
        case = Case(suite="convergence", phase="converge", task="parity", seed=first_seed + place, **axes)
        if taken == float("inf"):
            found.append(Record(case=case, status="diverged", reason="the loss was nan"))
            continue
        whole = errors is not None or taken is None
        metrics: dict[str, float] = {"training_steps": MOST if whole else taken or 0.0, "target_quality": 0.99, "parameters": 10.0}
        metrics |= {"test_error": errors[place] if errors is not None else 0.01, "step_time_s": 0.01}
        metrics |= {} if taken is None else {"steps_to_target": taken}
        found.append(Record(case=case, status="ok", times_s=(1.0,), metrics=metrics))
    return found


def training_side(label: str, *groups: Sequence[Record], **more: Any) -> Side:
    """A side of such trainings."""
    return side(label, *([one] for group in groups for one in group), **more)


def figures(whole: Any) -> Mapping[str, Any]:
    """Findings of trainings by metric."""
    return {one.metric: one for one in whole.findings if one.metric in ("steps_to_target", "test_error")}
