"""Starting runs over a cluster, and reading what they left."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from rnnbench.device.machine_cache import CACHE
from rnnbench.files import read_run
from rnnbench.record import Run
from tests.tools import LOCKS, ROOT, Ended, command, environment

HERE = Path(__file__).parent
SUITE = ("--suite", HERE / "bench_rayed.py", "--plugin", HERE / "cells.py")
FAST = ("--preset", "quick", "--case-budget", "0.02", "--no-report")
KNOWN = LOCKS / "ceilings-ray.json"
SETTINGS = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0", "RAY_memory_monitor_refresh_ms": "0"}


@dataclass(frozen=True)
class Nodes:
    """A cluster that is up."""

    address: str
    home: Path
    cluster: Any

    def run(self, folder: Path, *words: object) -> Ended:
        """A run over it, to its end."""
        know_ceilings(folder)
        done = command("run", *self.words(*words), cwd=folder, **self.environment())
        for found in folder.glob(f"results/{CACHE}"):
            shutil.copy(found, KNOWN)
        return done

    def start(self, folder: Path, *words: object) -> subprocess.Popen[str]:
        """The same, left running."""
        return start(folder, *self.words(*words), home=self.home)

    def words(self, *words: object) -> tuple[object, ...]:
        return (*SUITE, *FAST, "--executor", "ray", "--address", self.address, *words)

    def environment(self) -> dict[str, str]:
        return surroundings(self.home)

    def stations(self) -> list[int]:
        """Processes of this cluster's stations, and all that came from them."""
        return [one.pid for one in marked("RNNBENCH_TEST_HOME", str(self.home), "forkserver")]


def surroundings(home: Path) -> dict[str, str]:
    """Environment of a run."""
    return {**SETTINGS, "PYTHONPATH": str(ROOT), "RAY_TMPDIR": str(home), "RNNBENCH_TEST_HOME": str(home), "OMP_NUM_THREADS": "1"}


def start(folder: Path, *words: object, home: Path) -> subprocess.Popen[str]:
    """A run, left running."""
    know_ceilings(folder)
    line = [sys.executable, "-m", "rnnbench", "run", *map(str, words)]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(line, cwd=folder, env=environment(**surroundings(home)), **streams)


def marked(name: str, value: str, command_line: str = "") -> list[psutil.Process]:
    """Running processes that have this in their environment, and this in their command line."""
    found = []
    for one in psutil.process_iter():
        try:
            if one.environ().get(name) == value and command_line in " ".join(one.cmdline()) and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        except (psutil.Error, OSError):
            continue
    return found


def know_ceilings(folder: Path) -> None:
    """What a machine can do at most, as a run before has found it: seconds less for each run."""
    if KNOWN.exists():
        (folder / "results").mkdir(exist_ok=True)
        shutil.copy(KNOWN, folder / "results" / CACHE)


def seeds(count: int) -> tuple[str, str]:
    return "--set", f"seed={','.join(map(str, range(count)))}"


def runs(folder: Path) -> list[Run]:
    """Every run of a folder, in order of time. None holds a damaged line or a case twice."""
    found = []
    for path in sorted(folder.glob("results/*/run.json")):
        run, damage = read_run(path.parent)
        assert not damage
        keys = [one.key for one in run.records]
        assert len(keys) == len(set(keys)), "a case has two records"
        found.append(run)
    return found


def outcomes(run: Run) -> dict[str, tuple[str, str]]:
    return {one.case.variant: (one.status, one.reason) for one in run.records}
