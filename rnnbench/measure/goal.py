"""The stopping rule of a case's rounds: the mean is precise enough, or the time budget is spent.

pytest-benchmark fixes the number of rounds from one calibrating call, so a calm call before a busy minute would overrun its budget
many times over. It asks after each round whether the margin is small enough: the answer here also knows the time.
"""

from collections.abc import Callable

from rnnbench.budget import Budget

FEWEST_ROUNDS = 3
OVERDRAFT = 3.0  # `min_rounds` may cost this many budgets; beyond that, FEWEST_ROUNDS suffice
MOST_FIRST_ROUNDS = 1000  # a hundredth of them is still ten
FIRST_SHARE = 0.1  # share of the budget that is spent before precision may end the rounds: a calm start is weak evidence


class Goal(float):
    """The desired relative margin of error. `margin <= goal` also holds once the budget is spent. Create it just before the rounds."""

    def __new__(cls, budget: Budget, clock: Callable[[], float], step_s: float) -> "Goal":  # noqa: ARG004 - float takes but the number
        """`step_s` is the step time in warm-up: short steps get more rounds before they may end."""
        return super().__new__(cls, budget.precision)

    def __init__(self, budget: Budget, clock: Callable[[], float], step_s: float) -> None:
        self._budget_s = budget.max_time_s
        self._at_least = max(budget.min_rounds, min(MOST_FIRST_ROUNDS, int(FIRST_SHARE * budget.max_time_s / step_s)))
        self._clock = clock
        self._start_s = clock()
        self._rounds = FEWEST_ROUNDS - 1

    def __ge__(self, margin: float) -> bool:
        """Whether the rounds may end; pytest-benchmark evaluates it after each round from the third."""
        self._rounds += 1
        spent_s = self._clock() - self._start_s
        if self._rounds < self._at_least:
            return spent_s >= self._budget_s * OVERDRAFT
        return spent_s >= self._budget_s or super().__ge__(margin)
