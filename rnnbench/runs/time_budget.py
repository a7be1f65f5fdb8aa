"""The time a run may take (`--max-time`), shared evenly among the remaining cases."""

import time
from collections.abc import Callable
from dataclasses import replace

from rnnbench.budget import TRAINING, Budget
from rnnbench.case import Case
from rnnbench.runs.plan import PROCESS_COST_S, WARMUP_SHARE

LEAST_S = 0.05
LENIENCE = 5  # a case may take this many times its share before it is left out in favour of the others
LEAST_LIMIT_S = 10.0


class TimeBudget:
    """Divides the remaining time. `share` and `limit_s` are called before each case, `spend` after it."""

    def __init__(self, max_time_s: float | None, tasks: int, own_limit_s: Callable[[Case], float], at_once: int = 1) -> None:
        self._end_s = None if max_time_s is None else time.monotonic() + max_time_s
        self._tasks = tasks
        self._own_limit_s = own_limit_s
        self._at_once = at_once
        self._cut: set[str] = set()

    def left_s(self) -> float:
        """Seconds until the end."""
        return float("inf") if self._end_s is None else self._end_s - time.monotonic()

    def share(self, budget: Budget, phase: str = "") -> Budget:
        """The budget of the next case: the run's own, or an even share of the remaining time if that is less."""
        each_s = TRAINING if phase == "converge" else 1 + WARMUP_SHARE  # seconds that a case takes per second of its budget
        rounds_s = (self._share_s() - PROCESS_COST_S) / each_s
        return budget if rounds_s >= budget.max_time_s else replace(budget, max_time_s=max(LEAST_S / each_s, rounds_s))

    def limit_s(self, case: Case) -> float:
        """The time limit of a case: its own, reduced if it would take the other cases' time, and never beyond the end."""
        own_s = self._own_limit_s(case)
        limit_s = min(own_s, max(LEAST_LIMIT_S, LENIENCE * self._share_s()), max(1.0, self.left_s()))
        (self._cut.add if limit_s < own_s else self._cut.discard)(str(case))
        return limit_s

    def cut(self, case: Case) -> bool:
        """Whether the case's last limit was reduced. A case that exceeds a reduced limit is left out, not failed."""
        return str(case) in self._cut

    def spend(self) -> None:
        """Record that a case has ended."""
        self._tasks -= 1

    def _share_s(self) -> float:
        return self.left_s() * min(self._at_once, max(1, self._tasks)) / max(1, self._tasks)
