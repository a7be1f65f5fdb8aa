"""Two processes that take turns within their rounds, so that only one is active at a time.

What a machine does to a process for a second or a minute falls on both alike, then, and drops out of their ratio. The baton goes back and
forth through two FIFOs. Whoever started the two writes ALONE to the one that is left when the other has ended, however that came.
"""

import os
import random
import select
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnbench.device.devices import Clock

BLOCK_S = 0.02  # of rounds in a turn: long against a switch (some 50 µs), short against what disturbs a machine
GO, DONE, ALONE = b"g", b"d", b"a"
Step = Callable[[], None]


class Turns:
    """One side's end. `first` holds the baton at the start."""

    def __init__(self, own: Path, other: Path, *, first: bool, most_wait_s: float, cores: Sequence[int] = ()) -> None:
        """`own` and `other` are FIFOs; `cores` are for both, in one order, of which each takes as many as it has threads.

        After `most_wait_s` of silence this side goes on alone.
        """
        if usable := [core for core in cores if core in os.sched_getaffinity(0)]:
            from torch import get_num_threads

            # a core may be slower than the next for minutes, and two that live at once would each keep its own
            os.sched_setaffinity(0, usable[: get_num_threads()])
        self._own, self._other = (os.open(path, os.O_RDWR) for path in (own, other))
        self._most_wait_s = most_wait_s
        self._alone = False
        self._other_done = False
        self._since_s = 0.0
        if not first:
            self._wait()

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Turns":
        """As a job says."""
        return cls(Path(told["own"]), Path(told["other"]), first=told["first"], most_wait_s=told["most_wait_s"], cores=told["cores"])

    def shared(self, step: Step, clock: "Clock", step_s: float) -> Step:
        """The step, which hands over first where this side's turn is up. A turn begins with a step off the clock, where steps are short:
        the other side's data is in the caches then. The other is let through to its own first round before this side's."""
        self._other_done, self._since_s = False, 0.0
        warms = step_s < BLOCK_S / 4

        def in_turn() -> None:
            if not (self._alone or self._other_done) and time.perf_counter() - self._since_s >= BLOCK_S:
                clock.pause()
                self._pass(GO)
                if warms:
                    step()
                self._since_s = time.perf_counter()
                clock.resume()
            step()

        return in_turn

    def rounds_are_over(self) -> None:
        """What comes after the rounds would disturb the other's: it finishes first, unless it has."""
        if not (self._alone or self._other_done):
            self._pass(DONE)

    def _pass(self, word: bytes) -> None:
        os.write(self._other, word)
        self._wait()

    def _wait(self) -> None:
        ready, _, _ = select.select([self._own], [], [], self._most_wait_s)
        said = os.read(self._own, 64) if ready else ALONE
        self._alone |= ALONE in said
        self._other_done |= DONE in said


class TurnFiles:
    """The two ends, as jobs take them; whoever made them tells the one that is left of the other's end."""

    def __init__(self, folder: Path, most_wait_s: float) -> None:
        self._paths = [folder / f"baton-{side}" for side in "ab"]
        self._most_wait_s = most_wait_s
        self._cores: list[int] = []
        self._open = ExitStack()
        self._ends = []
        for path in self._paths:
            os.mkfifo(path)
            self._open.callback(path.unlink)
            self._ends.append(os.open(path, os.O_RDWR))
            self._open.callback(os.close, self._ends[-1])
        self.clear()

    @contextmanager
    def turn(self, which: int, *, first: bool) -> Iterator[dict[str, Any]]:
        """For the job of side 0 or 1, which has ended with the block, however it did."""
        try:
            yield self.for_job(which, first=first)
        finally:
            self.ended(which)

    def for_job(self, which: int, *, first: bool) -> dict[str, Any]:
        """For the job of side 0 or 1."""
        own, other = str(self._paths[which]), str(self._paths[1 - which])
        return {"own": own, "other": other, "first": first, "most_wait_s": self._most_wait_s, "cores": self._cores}

    def clear(self) -> None:
        """Nothing that was meant for the pair before is left in them, and the next is on other cores, by chance."""
        usable = sorted(os.sched_getaffinity(0))
        self._cores = random.sample(usable, len(usable))
        for end in self._ends:
            while select.select([end], [], [], 0)[0]:
                os.read(end, 64)

    def ended(self, which: int) -> None:
        """Side 0 or 1 has ended: the other need not wait."""
        os.write(self._ends[1 - which], ALONE)

    def close(self) -> None:
        """Remove them."""
        self._open.close()
