"""Warm-up until steady, so that library handles, autotuning and caches are set up before the first timed round."""

from collections.abc import Callable
from dataclasses import dataclass

from rnnbench.device.devices import Clock

GAIN = 0.05  # a step that is faster than the best so far by more than this is still warming up
CALM_STEPS = 2


@dataclass(frozen=True, slots=True)
class Warmup:
    """The result of a warm-up. `steady` is False if the time limit ended it."""

    rounds: int
    seconds: float
    best_s: float
    steady: bool


def warm_up(step: Callable[[], None], clock: Clock, limit_s: float) -> Warmup:
    """Run steps until two in a row are at most 5 % faster than the best before, or `limit_s` is spent (at least one step)."""
    best = float("inf")
    calm = rounds = 0
    start = clock()
    while calm < CALM_STEPS:
        before = clock()
        step()
        now = clock()
        rounds += 1
        took = now - before
        calm = calm + 1 if took >= best * (1 - GAIN) else 0
        best = min(best, took)
        if now - start >= limit_s:
            break
    return Warmup(rounds, clock() - start, best, calm >= CALM_STEPS)
