"""The timed rounds of a case, what runs in turn with the step, and periodic checks of its numbers off the clock."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from rnnbench.device.devices import Clock, Device
from rnnbench.measure.workload import Work

LOOK_S = 0.5  # between two looks at the numbers that come out: a step that takes longer is looked at each time
AFTER_S = 1.0  # that looking at every batch once more, after the rounds, may take
MARKED = ("forward", "train", "decode")  # phases whose step is all on the clock
Step = Callable[[], None]
T = TypeVar("T")


class Rounds(NamedTuple):
    """Seconds of each timed round: by the synchronised clock, of what ran beside it, and between the device's own events around it."""

    times_s: tuple[float, ...]
    beside_s: tuple[float, ...] = ()
    device_s: tuple[float, ...] = ()


def run_rounds(work: Work, clock: Clock, time_rounds: Callable[[Step, Clock], Sequence[float]], parts_s: dict[str, list[float]]) -> Rounds:
    """The timed rounds; what stands beside takes turns with the step, before or after it by the toss of a coin, off the clock."""
    step = work.step
    if work.train and work.device.is_cpu:  # a CPU's clock is read for nothing, so that every round shows its parts
        step = work.train.by_parts(time.perf_counter, parts_s)
    marks = EventMarks(work.device) if work.device.has_events and work.case.phase in MARKED and work.case.processes == 1 else None
    step = watched(marks.around(step) if marks else step, work, clock)
    if work.beside is None:
        times = tuple(time_rounds(step, clock))
        return Rounds(times, device_s=marks.seconds(len(times)) if marks else ())
    other, coin, other_s = work.beside, random.Random(work.case.seed), []

    def run_other() -> None:
        before = clock()
        other()
        took_s = clock() - before  # what it pauses itself is not its time either
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
    return Rounds(times, _aligned(other_s, len(times)), marks.seconds(len(times)) if marks else ())


def _aligned(of_each: list[T], rounds: int) -> tuple[T, ...]:
    """What belongs to the timed rounds: pytest-benchmark calls once before them and once after."""
    return tuple(of_each[-rounds - 1 : -1])


class EventMarks:
    """The device's own events around each step. They are read once all rounds are over, so that nothing waits for them in between."""

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
        """Of the timed rounds."""
        self._device.synchronize()
        return tuple(round(start.elapsed_time(end) / 1e3, 9) for start, end in _aligned(self._pairs, rounds))


def watched(step: Step, work: Work, clock: Clock) -> Step:
    """The step; before it, where the last look was a while ago, one at what the step before it gave. Raises Diverged."""
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
    """What the last round gave, and, where steps are short, what each further batch gives. Raises Diverged."""
    work.check_finite()
    for _ in range(work.turns - 1 if step_s * work.turns <= AFTER_S else 0):
        work.step()
        work.check_finite()
