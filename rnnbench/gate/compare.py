"""Is the candidate worse than the base? Two runs by all their processes, the two sides of a duet by the duet's own plan."""

from dataclasses import replace

from rnnbench.errors import UsageError
from rnnbench.gate.duet import replayed
from rnnbench.gate.findings import NothingToCompare, compared
from rnnbench.gate.policy import Policy
from rnnbench.gate.side import Side
from rnnbench.gate.verdict import Comparison

__all__ = ["NothingToCompare", "compare", "same_side", "without_plan"]


def compare(base: Side, candidate: Side, policy: Policy) -> Comparison:
    """Every verdict. Raises NothingToCompare where a side is empty or no case is on both.

    The sides of a duet are decided again by its plan, from the same pairs and with its own level and minimum effect, so that every page
    says what the duet said. `without_plan` has all pairs tested by the policy instead."""
    return replayed(base, candidate, policy) or compared(base, candidate, policy)


def without_plan(base: Side, candidate: Side) -> tuple[Side, Side]:
    """The sides as if no plan had been stated: for a level or a minimum effect other than the duet's."""
    return replace(base, plan={}), replace(candidate, plan={})


def same_side(base: Side, candidate: Side) -> None:
    """Refuse to compare a measurement with itself."""
    if (base.kind, base.label) == (candidate.kind, candidate.label) and base.taken_utc == candidate.taken_utc:
        raise UsageError(f"base and candidate are both {base.label!r}: name two measurements")
