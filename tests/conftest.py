"""Shared by every test: how hypothesis searches, and the runs that several tests look at."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.tools import QUICK, Ended, command

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors gain nothing from threads, and a busy machine loses minutes to them
signal.signal(signal.SIGINT, signal.default_int_handler)  # under nohup it is ignored, by all that is started here too

settings.register_profile("rnnbench", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rnnbench")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """One whole `rnnbench run`: the folder in which it ran, and how it ended."""
    folder = tmp_path_factory.mktemp("finished")
    chosen = ("--set", "variant=lstm,gru", "--set", "depth=1", "--set", "phase=forward,backward,train", "--set", "precision=fp32,tf32")
    return folder, command("run", "--suite", "depth", *chosen, *QUICK, "--json", cwd=folder)
