"""A duet's plan, stated before the first pair: when it looks, what error each look may spend, and what it then decides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnnbench.analysis.compare import Trial, decide
from rnnbench.analysis.evidence import LEAST_PROCESSES
from rnnbench.analysis.verdict import Finding
from rnnbench.errors import BadValue
from rnnbench.units import percent

STAGES = (5, 10, 20)
ALPHA = 0.05
LEAST_FRESH = 10


@dataclass(frozen=True, slots=True)
class LookPlan:
    """Looks after so many pairs. The error rate is spread over them, more on the later: α·1/6, α·2/6, α·3/6 for three looks.

    Whatever the data do, the chance that any sound hypothesis is flagged at any look is at most α (each look corrects by Holm for all
    hypotheses, and the looks' levels add up). A flag counts only if fresh pairs confirm it, so a false one needs two accidents."""

    stages: tuple[int, ...] = STAGES
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.stages, self.stages[1:], strict=False))
        if not self.stages or not rising or self.stages[0] < LEAST_PROCESSES:
            raise BadValue("pairs", ",".join(map(str, self.stages)), f"rising numbers from {LEAST_PROCESSES}, for instance 5,10,20")

    def level(self, look: int) -> float:
        """The error rate that a look, counted from 0, may spend."""
        looks = len(self.stages)
        return self.alpha * (look + 1) / (looks * (looks + 1) / 2)

    def fresh(self, pairs: int) -> int:
        """How many fresh pairs a flag after `pairs` is confirmed on."""
        return max(LEAST_FRESH, pairs)

    def told(self) -> str:
        """The plan in a sentence."""
        levels = ", ".join(percent(self.level(look)) for look in range(len(self.stages)))
        looks = ", ".join(map(str, self.stages))
        return (
            f"plan, stated before the first pair: looks after {looks} pairs at {levels} ({percent(self.alpha)} in all), corrected by Holm"
            f" for all cases and metrics; a flag is confirmed once on fresh pairs at {percent(self.alpha)}"
        )


def decided(trials: Sequence[Trial], level: float, hypotheses: int) -> dict[tuple[str, str], Finding]:
    """What this look decides: sure changes and equivalence. What it only lists goes on to the next."""
    found = decide(trials, level, hypotheses)
    return {
        (one.case, one.metric): one
        for one in found
        if one.verdict in ("improved", "equivalent") or (one.verdict == "regressed" and one.failing)
    }


def confirmed(flag: Finding, fresh: Trial, alpha: float) -> Finding:
    """The flag where fresh pairs say the same, else inconclusive. Figures are those of the fresh pairs: a flag overstates its effect."""
    (again,) = decide([fresh], alpha)
    pairs, more = min(flag.processes), min(again.processes)
    if again.verdict == flag.verdict:
        return replace(again, reason=f"flagged after {pairs} pairs, confirmed on {more} fresh ones")
    return replace(
        again,
        verdict="inconclusive",
        failing=False,
        reason=f"flagged {flag.verdict} after {pairs} pairs, not confirmed on {more} fresh ones",
    )
