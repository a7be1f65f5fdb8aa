"""A pytest plugin for the workers of a run on the toy: leaves, for each case, what the device was asked and when a clock was read.

A line of $RNNBENCH_TEST_WATCH is a case: its id, and its calls in order, a row of operators as one `op`. A reading of the clock by
rnnbench or pytest-benchmark is `clock`, or `late` where the device had work that nobody had waited for.
"""

import json
import os
import sys
import time
from itertools import groupby
from pathlib import Path

import tests.toy
from tests.toy import CALLS, TOY, Call, pending

TOY.log_ops = True
_perf_counter = time.perf_counter


def perf_counter() -> float:
    """time.perf_counter, noted where a measurement reads it."""
    caller = sys._getframe(1).f_globals.get("__name__", "")
    if caller.startswith(("rnnbench.", "pytest_benchmark.")):
        CALLS.append(Call("late" if pending() else "clock", "device", 0.0, 0))
    return _perf_counter()


time.perf_counter = perf_counter


def pytest_runtest_setup(item) -> None:
    """A case begins: what came before it is not its own."""
    CALLS.clear()


def pytest_runtest_teardown(item) -> None:
    """A case has ended."""
    names = [name for name, _ in groupby("op" if call.kind == "op" else call.name for call in CALLS)]
    case, _ = item.callspec.params["task"]
    with Path(os.environ["RNNBENCH_TEST_WATCH"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": str(case), "device": case.device, "calls": names}) + "\n")


__all__ = ["tests"]
