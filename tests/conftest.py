"""Shared by every test: how hypothesis searches, and the runs that several tests look at."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rnnbench import cli
from rnnbench.device import torch_state
from rnnbench.tasks import PROBLEMS, TASKS
from rnnbench.variants import VARIANTS
from tests.limits import calibrate
from tests.tools import QUICK, Ended, command, environment

pytest_plugins = ("tests.shared_failures", "tests.scheduling")

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors gain nothing from threads, and a busy machine loses minutes to them
signal.signal(signal.SIGINT, signal.default_int_handler)  # under nohup it is ignored, by all that is started here too

settings.register_profile("rnnbench", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rnnbench")


def pytest_configure() -> None:
    """Learn how slow this machine is before the workers start, which inherit the answer."""
    calibrate()


@contextmanager
def _registered_as_before() -> Iterator[None]:
    """What is registered within is forgotten after, and the file that did it can be loaded anew."""
    registries = (VARIANTS, TASKS, PROBLEMS)
    before = [dict(one.all()) for one in registries]
    yield
    for registry, found in zip(registries, before, strict=True):
        registry._found = found  # a new dict: a test may hold the other
    for name in [one for one in sys.modules if one.startswith("rnnbench_file_")]:
        del sys.modules[name]


@pytest.fixture(scope="module", autouse=True)
def _module_registers_for_itself() -> Iterator[None]:
    """No test file sees what another registered, whichever worker ran it before."""
    with _registered_as_before():
        yield


@pytest.fixture(autouse=True)
def _test_is_for_itself(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees what another registered, or is told of what another set in torch."""
    monkeypatch.setattr(torch_state, "_base", None)
    monkeypatch.setattr(torch_state, "_by_plugins", [])
    with _registered_as_before():
        yield


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """`typed("compare", "a", "b", cwd=folder)`: the command line in this process, for what starts no other and imports nothing new.

    A process of its own (`tests.tools.command`) takes seconds to import torch, and shows no more of a refusal.
    """

    def call(*words: object, cwd: Path, **more: str) -> Ended:
        monkeypatch.chdir(cwd)
        for name, value in environment(**more).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["rnnbench", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        code = end.value.code
        return Ended(code if isinstance(code, int) else 0, *capsys.readouterr())

    return call


@pytest.fixture
def bare_here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """`tests.tools.bare` in this process, for a session that ends before its first case."""

    def call(folder: Path, *words: object) -> Ended:
        monkeypatch.chdir(folder)
        for name, value in environment().items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        code = pytest.main(["-p", "rnnbench.measure.plugin", "-p", "no:cacheprovider", *map(str, words)])
        return Ended(int(code), *capfd.readouterr())

    return call


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """One whole `rnnbench run`: the folder in which it ran, and how it ended."""
    folder = tmp_path_factory.mktemp("finished")
    chosen = ("--set", "variant=lstm,gru", "--set", "depth=1", "--set", "phase=forward,backward,train", "--set", "precision=fp32,tf32")
    return folder, command("run", "--suite", "depth", *chosen, *QUICK, "--json", cwd=folder)
