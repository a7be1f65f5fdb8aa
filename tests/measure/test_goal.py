"""When the rounds of a case may end."""

import pytest

from rnnbench.budget import Budget
from rnnbench.measure.goal import FEWEST_ROUNDS, Goal


class WorkerHandle:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


BUDGET = Budget(max_time_s=2.0, precision=0.01, min_rounds=7)


def rounds_until_done(round_s: float, margin: float, step_s: float) -> int:
    """How many rounds pytest-benchmark would run: it asks `margin <= goal` from the third on."""
    clock = WorkerHandle()
    goal = Goal(BUDGET, clock, step_s)
    for rounds in range(1, 10_000):
        clock.now_s += round_s
        if rounds >= FEWEST_ROUNDS and margin <= goal:
            return rounds
    raise AssertionError("never done")


def test_goal_is_the_number_that_was_asked_for() -> None:
    """pytest-benchmark prints and stores the goal as the margin that it is."""
    assert float(Goal(BUDGET, WorkerHandle(), 1.0)) == pytest.approx(0.01)


def test_precise_rounds_end_at_the_fewest() -> None:
    """A small margin ends the rounds, but not before the budget's fewest."""
    assert rounds_until_done(round_s=0.1, margin=0.001, step_s=0.1) == 7


def test_short_steps_are_given_more_rounds() -> None:
    """A tenth of the budget is spent before a calm start may end the rounds."""
    assert rounds_until_done(round_s=0.002, margin=0.001, step_s=0.002) == 100


def test_budget_ends_rounds_that_never_get_precise() -> None:
    """A margin that stays wide ends with the budget."""
    assert rounds_until_done(round_s=0.1, margin=0.5, step_s=0.1) in (20, 21)


def test_a_machine_that_slows_down_does_not_overrun() -> None:
    """Steps that turn out thirty times slower than in warm-up still end by the budget, not by their planned number."""
    assert rounds_until_done(round_s=0.6, margin=0.5, step_s=0.02) <= 10


def test_very_long_steps_end_before_the_fewest_rounds() -> None:
    """Where the fewest rounds would cost several budgets, three rounds must do."""
    assert rounds_until_done(round_s=10.0, margin=0.5, step_s=10.0) == FEWEST_ROUNDS
