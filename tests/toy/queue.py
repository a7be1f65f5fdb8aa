"""Asynchrony, made visible: which work is launched, which is known to be done, and how much time the device still owes."""

from collections.abc import Callable
from contextlib import contextmanager
from time import perf_counter, sleep
from types import SimpleNamespace
from typing import Any

from tests.toy.log import log
from tests.toy.settings import TOY

_launched = SimpleNamespace(ops=0, seconds=0.0)  # given to the device so far
_finished = SimpleNamespace(ops=0, seconds=0.0)  # of that, what the host has waited for


def launch() -> None:
    """An operator was queued; with a delay set, it takes that much longer than the host notices."""
    _launched.ops += 1
    _launched.seconds += TOY.launch_delay_s


def finish(ops: int | None = None, seconds: float | None = None) -> None:
    """Wait for the queue, or for its part up to a mark."""
    ops, seconds = (_launched.ops, _launched.seconds) if ops is None or seconds is None else (ops, seconds)
    if seconds > _finished.seconds:
        sleep(seconds - _finished.seconds)
    _finished.ops, _finished.seconds = max(ops, _finished.ops), max(seconds, _finished.seconds)


def pending() -> bool:
    """Was anything launched that nobody has waited for? A clock read now would miss it."""
    return _launched.ops > _finished.ops


@contextmanager
def slow_down(seconds_per_op: float):
    """Each operator owes this much time until the device is synchronised: a clock read too early shows too little."""
    before, TOY.launch_delay_s = TOY.launch_delay_s, seconds_per_op
    try:
        yield
    finally:
        TOY.launch_delay_s = before


class StrictClock:
    """Stands in for a clock: `late` counts the reads that did not wait for the device."""

    def __init__(self, clock: Callable[[], Any] = perf_counter) -> None:
        self._clock = clock
        self.reads = self.late = 0

    def __call__(self) -> Any:
        self.reads += 1
        self.late += pending()
        return self._clock()


class Stream:
    """The one queue there is."""

    device_index = 0

    def __init__(self, device: Any = None, priority: int = 0) -> None:
        pass

    def synchronize(self) -> None:
        log("Stream.synchronize")
        finish()

    def query(self) -> bool:
        return not pending()

    def record_event(self, event: "Event | None" = None) -> "Event":
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: "Event") -> None:
        """One queue is always in order."""

    def wait_stream(self, stream: "Stream") -> None:
        """One queue is always in order."""


STREAM = Stream()


class Event:
    """A mark in the queue, as torch.cuda.Event is one."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        self._timed = enable_timing
        self._mark: tuple[int, float] | None = None
        self._at = 0.0  # when the device gets there [s]

    def record(self, stream: Stream | None = None) -> None:
        log("Event.record")
        self._mark = (_launched.ops, _launched.seconds)
        self._at = perf_counter() + _launched.seconds - _finished.seconds

    def wait(self, stream: Stream | None = None) -> None:
        """One queue is always in order."""

    def query(self) -> bool:
        """Has the host waited for this mark, or was there nothing to wait for?"""
        return self._mark is None or self._mark[0] <= _finished.ops

    def synchronize(self) -> None:
        log("Event.synchronize")
        if self._mark:
            finish(*self._mark)

    def elapsed_time(self, end: "Event") -> float:
        """Milliseconds on the device from this mark to `end`."""
        if not (self._timed and end._timed):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self._mark is None or end._mark is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        if not (self.query() and end.query()):
            raise RuntimeError("toy error: device not ready (synchronise before reading the time between two events)")
        return (end._at - self._at) * 1e3
