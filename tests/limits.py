"""How long tests wait: the one place that says so. Tests wait for events; only what never comes is given up on, here.

`RNNBENCH_TEST_SCALE` states how many times slower than a quiet two-core machine this one is. Otherwise it is measured once per session."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

VARIABLE = "RNNBENCH_TEST_SCALE"
QUIET_IMPORT_S = 1.5  # a fresh interpreter that imports torch, on the machine that other figures refer to
MARGIN = 2.0  # load may begin after it was measured


def calibrate() -> None:
    """Measure this machine once, for this process and those that it starts."""
    if VARIABLE not in os.environ:
        start_s = time.perf_counter()
        subprocess.run((sys.executable, "-c", "import torch"), check=True)
        os.environ[VARIABLE] = f"{MARGIN * max(1.0, (time.perf_counter() - start_s) / QUIET_IMPORT_S):.2f}"


def scaled(seconds: float) -> float:
    """A limit that is part of what is tested, such as the time limit of a case that hangs beside cases that must not reach it."""
    return seconds * float(os.environ.get(VARIABLE, MARGIN))


def hung_s() -> float:
    """After this long without its event, a test has hung rather than been slow."""
    return scaled(600)


def until(true: Callable[[], object], limit_s: float | None = None) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + (hung_s() if limit_s is None else scaled(limit_s))
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
