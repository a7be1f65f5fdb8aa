"""Interleaving of two processes: they take turns within their rounds, so that only one is active at a time.

Disturbances of seconds or minutes then affect both alike and cancel in their ratio. Two FIFOs signal whose turn it is. When one process
ends, even by a kill, the parent writes ALONE to the other.
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

BLOCK_S = 0.02  # seconds of rounds per turn: long compared with a switch (about 50 µs), short compared with disturbances
GO, DONE, ALONE = b"g", b"d", b"a"
Step = Callable[[], None]


class Turns:
    """One side of the interleaving. The side created with `first` has the first turn."""

    def __init__(self, own: Path, other: Path, *, first: bool, most_wait_s: float, cores: Sequence[int] = ()) -> None:
        """`own` and `other` are FIFOs. Both sides get the same `cores` and use as many as they have threads, in this order.

        After `most_wait_s` without a signal, this side continues alone.
        """
        if usable := [core for core in cores if core in os.sched_getaffinity(0)]:
            from torch import get_num_threads

            from rnnbench.device import torch_state

            # one core may be slower than another for minutes, and simultaneous processes would each stay on their own core
            os.sched_setaffinity(0, usable[: get_num_threads()])
            torch_state.accept("cores")
        self._own, self._other = (os.open(path, os.O_RDWR) for path in (own, other))
        self._most_wait_s = most_wait_s
        self._alone = False
        self._other_done = False
        self._since_s = 0.0
        if not first:
            self._wait()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Turns":
        """From a job's `turn`."""
        return cls(
            Path(settings["own"]),
            Path(settings["other"]),
            first=settings["first"],
            most_wait_s=settings["most_wait_s"],
            cores=settings["cores"],
        )

    def shared(self, step: Step, clock: "Clock", step_s: float) -> Step:
        """The step, preceded by a handover if this side's turn is over. If steps are short, a turn begins with a step off the clock,
        because the caches hold the other side's data. The other side reaches its first round before this side starts its own."""
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
        """Wait until the other side's rounds are over too, because work after the rounds would disturb them."""
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
    """The FIFOs of two interleaved processes. Its owner signals to each side when the other has ended."""

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
        """The settings for the job of side 0 or 1. After the block, that side counts as ended."""
        try:
            yield self.for_job(which, first=first)
        finally:
            self.ended(which)

    def for_job(self, which: int, *, first: bool) -> dict[str, Any]:
        """The settings for the job of side 0 or 1."""
        own, other = str(self._paths[which]), str(self._paths[1 - which])
        return {"own": own, "other": other, "first": first, "most_wait_s": self._most_wait_s, "cores": self._cores}

    def clear(self) -> None:
        """Remove signals of the previous pair, and draw random cores for the next."""
        usable = sorted(os.sched_getaffinity(0))
        self._cores = random.sample(usable, len(usable))
        for end in self._ends:
            while select.select([end], [], [], 0)[0]:
                os.read(end, 64)

    def ended(self, which: int) -> None:
        """Signal that side 0 or 1 has ended, so that the other does not wait."""
        os.write(self._ends[1 - which], ALONE)

    def close(self) -> None:
        """Remove the FIFOs."""
        self._open.close()
