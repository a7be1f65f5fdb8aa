"""The timed rounds of a case, its alternating reference step, and periodic checks of its numbers off the clock."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from rnnbench.device.devices import Clock, Device
from rnnbench.measure.workload import Work

LOOK_S = 0.5  # interval between checks of the output: longer steps are checked every time
AFTER_S = 1.0  # maximum time to check every batch once more after the rounds
MARKED = ("forward", "train", "decode")  # phases whose step is on the clock as a whole
Step = Callable[[], None]
T = TypeVar("T")


class Rounds(NamedTuple):
    """Seconds of each timed round: by the synchronised clock, of the reference step, and by device events around the step."""

    times_s: tuple[float, ...]
    beside_s: tuple[float, ...] = ()
    device_s: tuple[float, ...] = ()


def run_rounds(work: Work, clock: Clock, time_rounds: Callable[[Step, Clock], Sequence[float]], parts_s: dict[str, list[float]]) -> Rounds:
    """Run the timed rounds. The reference step alternates with the step, before or after it at random, off the clock.

    Of uneven work a round is a turn of all batches, and its time is given per step."""
    step = work.step
    if work.train and work.device.is_cpu:  # reading a CPU's clock costs nothing, so every round times its parts
        step = work.train.by_parts(time.perf_counter, parts_s)
    marks = EventMarks(work.device) if work.device.has_events and work.case.phase in MARKED and work.case.processes == 1 else None
    steps = work.turns if work.uneven else 1
    if work.uneven:
        step = _a_turn(step, steps)
    step = watched(marks.around(step) if marks else step, work, clock)
    if work.beside is None:
        times = tuple(time_rounds(step, clock))
        on_device = marks.seconds(len(times)) if marks else ()
        return Rounds(*(tuple(one / steps for one in some) for some in (times, (), on_device)))
    other, coin, other_s = _a_turn(work.beside, steps) if work.uneven else work.beside, random.Random(work.case.seed), []

    def run_other() -> None:
        before = clock()
        other()
        took_s = clock() - before  # without its own off-clock time
        other_s.append(round(took_s, 9))
        clock.skip(took_s)

    def both() -> None:
        if coin.random() < 0.5:
            run_other()
            step()
        else:
            step()
            run_other()

    run_other()
    other_s.clear()
    times = tuple(time_rounds(both, clock))
    beside, on_device = _aligned(other_s, len(times)), marks.seconds(len(times)) if marks else ()
    return Rounds(*(tuple(one / steps for one in some) for some in (times, beside, on_device)))


def _a_turn(step: Step, turns: int) -> Step:
    """All batches, one after another: where one is more work than another, a round of one batch would say nothing of the next."""

    def every() -> None:
        for _ in range(turns):
            step()

    return every


def _aligned(of_each: list[T], rounds: int) -> tuple[T, ...]:
    """The values of the timed rounds alone: pytest-benchmark makes one call before them and one after."""
    return tuple(of_each[-rounds - 1 : -1])


class EventMarks:
    """Device events around each step. They are read after all rounds, so that nothing waits for them in between."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._pairs: list[tuple[Any, Any]] = []

    def around(self, step: Step) -> Step:
        """The step between two events."""

        def marked() -> None:
            start = self._device.event()
            step()
            self._pairs.append((start, self._device.event()))

        return marked

    def seconds(self, rounds: int) -> tuple[float, ...]:
        """Seconds of the timed rounds."""
        self._device.synchronize()
        return tuple(round(start.elapsed_time(end) / 1e3, 9) for start, end in _aligned(self._pairs, rounds))


def watched(step: Step, work: Work, clock: Clock) -> Step:
    """The step, preceded by a check of the previous step's output if the last check was over LOOK_S ago. Raises Diverged."""
    looked_s = time.perf_counter()

    def look_and_step() -> None:
        nonlocal looked_s
        if time.perf_counter() - looked_s >= LOOK_S:
            clock.pause()
            work.check_finite()
            clock.resume()
            looked_s = time.perf_counter()
        step()

    return look_and_step


def check_after(work: Work, step_s: float) -> None:
    """Check the output of the last round and, if steps are short, of each other batch. Raises Diverged."""
    work.check_finite()
    for _ in range(work.turns - 1 if step_s * work.turns <= AFTER_S else 0):
        work.step()
        work.check_finite()
