"""A duet's plan, fixed before the first pair: its interim analyses, and what a flag must pass to count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, log2
from typing import Any

from rnnbench.errors import BadValue
from rnnbench.gate.statistics.decide import Hypothesis, decide, screened
from rnnbench.gate.statistics.evidence import LEAST_PROCESSES
from rnnbench.gate.verdict import Finding
from rnnbench.units import percent

STAGES = (5, 10, 20)
ALPHA = 0.05
LEAST_FRESH = 10
Key = tuple[str, str]
"""A case's id and a metric."""


@dataclass(frozen=True, slots=True)
class LookPlan:
    """Interim analyses after `stages` pairs. Each may use a part of alpha, more of it later: α·1/6, α·2/6, α·3/6 for three of them.

    They only decide what is equivalent and raise flags. A flag counts once fresh pairs confirm it: an exact rank test at alpha, corrected
    by Holm for all flags. Whatever raised the flags, the chance that any change is reported of equal code is therefore at most alpha."""

    stages: tuple[int, ...] = STAGES
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.stages, self.stages[1:], strict=False))
        if not self.stages or not rising or self.stages[0] < LEAST_PROCESSES:
            raise BadValue("pairs", ",".join(map(str, self.stages)), f"rising numbers from {LEAST_PROCESSES}, for instance 5,10,20")

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> "LookPlan | None":
        """The plan that a run states; None where it states none that this version can follow."""
        try:
            return cls(tuple(int(stage) for stage in stated["stages"]), float(stated["alpha"]))
        except (KeyError, TypeError, ValueError, BadValue):
            return None

    def level(self, look: int) -> float:
        """The level of an interim analysis, counted from 0."""
        looks = len(self.stages)
        return self.alpha * (look + 1) / (looks * (looks + 1) / 2)

    def fresh(self, pairs: int, flags: int = 1) -> int:
        """How many fresh pairs a flag after `pairs` is confirmed on: enough for ranks to reach alpha corrected for all flags."""
        return max(LEAST_FRESH, pairs, ceil(log2(max(1, flags) / self.alpha)))

    def sentence(self) -> str:
        """The plan in words."""
        levels = ", ".join(percent(self.level(look)) for look in range(len(self.stages)))
        stages = ", ".join(map(str, self.stages))
        return (
            f"Plan, fixed before the first pair: interim analyses after {stages} pairs at {levels}; each flag is then confirmed on fresh"
            f" pairs by a rank test at {percent(self.alpha)}, corrected by Holm for all flags"
        )


def decided(hypotheses: Sequence[Hypothesis], level: float, family: int, alpha: float) -> dict[Key, Finding]:
    """What an interim analysis settles: flags for the worse or the better, and equivalence. What it only lists goes on to the next."""
    return {
        (one.case, one.metric): one
        for one in screened(hypotheses, level, family, interval_at=alpha)
        if one.verdict in ("improved", "equivalent") or (one.verdict == "regressed" and one.failing)
    }


def confirmed(flags: Mapping[Key, Finding], fresh: Mapping[Key, Hypothesis], alpha: float) -> dict[Key, Finding]:
    """Each flag as fresh pairs decide it: the same verdict, or inconclusive. Figures are those of the fresh pairs, since a flag overstates
    its effect. Flags whose fresh pairs were not measured are inconclusive."""
    again = {(one.case, one.metric): one for one in decide(list(fresh.values()), alpha, len(flags))}
    found = {}
    for key, flag in flags.items():
        after, one = min(flag.processes), again.get(key)
        if one is None:
            reason = f"flagged {flag.verdict} after {after} pairs; the fresh pairs were not measured"
            found[key] = replace(flag, verdict="inconclusive", failing=False, reason=reason)
            continue
        holds = one.verdict == flag.verdict and (one.verdict == "improved" or one.failing)
        more = min(one.processes)
        if holds:
            found[key] = replace(one, reason=f"flagged after {after} pairs, confirmed on {more} fresh ones")
        else:
            reason = f"flagged {flag.verdict} after {after} pairs, not confirmed on {more} fresh ones"
            found[key] = replace(one, verdict="inconclusive", failing=False, reason=reason)
    return found
