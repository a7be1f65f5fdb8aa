"""Workloads for tests, without a process or pytest-benchmark around them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import in_format
from rnnbench.measure.workload import Workload
from tests.tools import small_case


@contextmanager
def workload(case: Case | None = None, **fields: Any) -> Iterator[Workload]:
    """A case made ready, in its precision."""
    case = case or small_case(**fields)
    device = Device(case.device)
    with in_format(case.precision, device) as form:
        yield Workload(case, device, form, Clock(device))


def rounds(count: int) -> Callable[..., list[float]]:
    """Times so many rounds, as pytest-benchmark would: one call before them to calibrate and one after them."""

    def time_rounds(step: Callable[[], None], clock: Callable[[], float], *_: int) -> list[float]:
        times = []
        step()
        for _ in range(count):
            before = clock()
            step()
            times.append(clock() - before)
        step()
        return times

    return time_rounds
