"""The only file that uses pytest-benchmark's internals: its fixture with rnnbench's clock and stopping rule.

pytest-benchmark has no public way to set the timer or the stopping rule of a running test, or to time the same test again. The
private names used here are checked before the first case, so that an incompatible version is refused with a clear message.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rnnbench.case import Case
from rnnbench.errors import RnnbenchError
from rnnbench.measure.goal import FEWEST_ROUNDS

ENDLESS_S = 86_400.0  # the goal ends the rounds, not their time
SHORTEST_S = 1e-9  # pytest-benchmark divides by the step time
_OF_FIXTURE = ("_timer", "_min_rounds", "_max_time", "_precision", "_mode", "_calibrate_timer")
_OF_SESSION = ("benchmarks", "skip", "disabled")


class Untimed(Exception):
    """Raised while measuring under --benchmark-disable, once the step has run."""


class Benchmark:
    """The fixture of one test."""

    def __init__(self, fixture: Any, config: pytest.Config) -> None:
        """Raise RnnbenchError if this version of pytest-benchmark lacks a private name."""
        from pytest_benchmark import __version__

        session: Any = getattr(config, "_benchmarksession", None)
        absent = [name for name in _OF_FIXTURE if not hasattr(fixture, name)] + [name for name in _OF_SESSION if not hasattr(session, name)]
        if absent:
            raise RnnbenchError(
                f"pytest-benchmark {__version__} has no {', '.join(absent)}: install one that rnnbench was tested with, 5.3"
            )
        self._fixture: Any = fixture
        self._session = session

    def rounds(self, step: Callable[[], None], clock: Callable[[], float], goal: float) -> Sequence[float]:
        """Seconds of each round of one step, until `margin <= goal`. Called again, only the last rounds count. Raises Untimed under
        --benchmark-disable, after one step."""
        fixture = self._fixture
        if fixture.disabled:
            fixture(step)
            raise Untimed
        if fixture.stats is not None:  # a second time, after a cool-down
            self._session.benchmarks.remove(fixture.stats)
            for name in ("_mode", "stats"):
                setattr(fixture, name, None)
        fixture._timer = clock  # noqa: SLF001
        fixture._min_rounds = FEWEST_ROUNDS  # noqa: SLF001
        fixture._max_time = ENDLESS_S  # noqa: SLF001
        fixture._precision = goal  # noqa: SLF001
        fixture._calibrate_timer = _one_step_a_round  # noqa: SLF001
        fixture(step)
        return [round(seconds, 9) for seconds in fixture.stats.stats.data]

    def once(self, training: Callable[[], None], clock: Callable[[], float]) -> None:
        """Time one whole call of `training` as a single round. Raises Untimed after it under --benchmark-disable."""
        self._fixture._timer = clock  # noqa: SLF001
        self._fixture.pedantic(training)
        if self._fixture.disabled:
            raise Untimed

    def begin(self, case: Case) -> None:
        """Make axes the test's parameters, for `--benchmark-group-by param:depth`. Call it before the rounds: statistics copy them."""
        self._fixture.params = case.as_dict()

    def describe(self, case: Case, metrics: dict[str, Any]) -> None:
        """Add plain values to pytest-benchmark's own JSON."""
        self._fixture.extra_info.update(case=case.as_dict(), **metrics)


def _one_step_a_round(runner: Callable[[range], float]) -> tuple[float, int, range]:
    """Replaces pytest-benchmark's calibration, which puts several steps into a round if the clock is slow to read.

    A synchronising clock is slow, so rounds would be means of unsynchronised steps, and percentiles would be those of means."""
    once = range(1)
    return max(runner(once), SHORTEST_S), 1, once
