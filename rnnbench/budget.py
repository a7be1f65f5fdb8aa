"""How long a case may take: the presets as numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rnnbench.errors import BadValue, UnknownName

_OPTIONS = {"max_time_s": "--case-budget", "precision": "--precision-goal", "min_rounds": "--min-rounds"}
TAIL_ROUNDS = {"p95_s": 100, "p99_s": 500}
"""Rounds that a percentile needs: five samples beyond it."""
TRAINING = 300  # a training may take this many times `max_time_s`


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Rounds continue until the mean is known within ± `precision` at `confidence`, or `max_time_s` of timed rounds is spent.

    `energy_s` is for separate rounds that measure a GPU's energy; 0 leaves them out."""

    max_time_s: float
    precision: float
    min_rounds: int = 5
    confidence: float = 0.95
    energy_s: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (("max_time_s", 0, 86_400), ("precision", 0, 1), ("min_rounds", 1, 10**6), ("confidence", 0.5, 1)):
            value = getattr(self, name)
            if not low <= value <= high or (low == 0 and value == 0):
                raise BadValue(_OPTIONS.get(name, name), value, f"a number {'above' if low == 0 else 'from'} {low}, at most {high:,}")

        if not 0 <= self.energy_s <= 86_400:
            raise BadValue("--energy-budget", self.energy_s, "a number from 0, at most 86,400")

    @property
    def training_s(self) -> float:
        """Maximum seconds of training for a case of the phase `converge`."""
        return self.max_time_s * TRAINING

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, preset: str, changes: Mapping[str, Any] | None = None) -> "Budget":
        """The budget of a preset with a user's changes; None keeps the preset's value."""
        if preset not in BUDGETS:
            raise UnknownName("preset", preset, BUDGETS)
        given = {name: value for name, value in (changes or {}).items() if value is not None}
        return cls(**{**BUDGETS[preset].as_dict(), **given})


BUDGETS = {
    "quick": Budget(max_time_s=0.2, precision=0.05),
    "standard": Budget(max_time_s=2.0, precision=0.01, min_rounds=7),
    "full": Budget(max_time_s=10.0, precision=0.005, min_rounds=10),
}
PRESETS = tuple(BUDGETS)
