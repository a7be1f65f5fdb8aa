"""The answer of `rnnbench choose`: what to take, what that rests on, how sure it is, and what it leaves open."""

from dataclasses import asdict, dataclass, field
from typing import Any

FIRST, LIKELY, BEHIND, OUT, UNKNOWN = "take", "finalist", "slower", "misses a limit", "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate. `low`, `value` and `high` are of the figure that ranks; all None where it was not measured."""

    rank: int
    name: str
    case: str
    low: float | None = None
    value: float | None = None
    high: float | None = None
    text: str = ""
    requirement: str = ""
    duel: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Sentences for people, and the rows they rest on, best first. `unit_metric` is the metric whose unit the figures have."""

    id: str
    goal: str
    question: str
    take: str
    rests_on: tuple[str, ...]
    sure: tuple[str, ...]
    not_covered: tuple[str, ...]
    rows: tuple[Row, ...]
    label: str
    unit_metric: str
    command: str
    machine: str
    runs: tuple[str, ...] = ()
    exit_code: int = field(default=0)

    def as_dict(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)
