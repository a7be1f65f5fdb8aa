"""Cases that fail in every way, in a crowd of good ones."""

import os
import signal
import time

import pytest

from rnnbench import Suite, grid

SUITE = Suite(
    "faults",
    title="Faults",
    question="Does one bad case cost another?",
    x="seed",
    hue="variant",
    cases=grid(variant="good", phase="forward", depth=1, hidden_size=8, input_size=8, batch_size=2, seq_len=2),
)


@pytest.fixture
def last_word(case):
    """Runs once the record is with the supervisor."""
    yield
    if case.variant == "killed_after_record":
        os.kill(os.getpid(), signal.SIGKILL)
    if case.variant == "hangs_after_record":
        time.sleep(600)


def bench_faults(measure, case, last_word):
    measure(case)
    if case.variant == "killed_before_record":
        os.kill(os.getpid(), signal.SIGKILL)
