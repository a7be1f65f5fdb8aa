"""Starting runs of the fault suite, and reading what they left."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from rnnbench.device.machine_cache import CACHE
from rnnbench.device.memory_limits import own_groups
from rnnbench.record import Record
from tests.tools import LOCKS, ROOT, Ended, command, environment

HERE = Path(__file__).parent
SUITE = ("--suite", HERE / "bench_faults.py", "--plugin", HERE / "cells.py")
KNOWN = LOCKS / "ceilings.json"
FAST = ("--preset", "quick", "--case-budget", "0.02", "--no-report")


def home(folder: Path, **more: str) -> dict[str, str]:
    """Environment: locks and notes of this test alone, and the suite's own imports."""
    plain = {"RNNBENCH_LOCKS": str(folder), "PYTHONPATH": str(ROOT), "RNNBENCH_TEST_PIDS": str(folder / "pids"), "OMP_NUM_THREADS": "1"}
    return {**plain, **more}


def run(folder: Path, *words: object, **more: str) -> Ended:
    """A run of the fault suite, to its end."""
    know_ceilings(folder)
    done = command("run", *SUITE, *FAST, *words, cwd=folder, **home(folder, **more))
    if (found := folder / "results" / CACHE).is_file() and not KNOWN.exists():
        shutil.copy(found, KNOWN)
    return done


def start(folder: Path, *words: object, **more: str) -> subprocess.Popen[str]:
    """The same, left running."""
    know_ceilings(folder)
    line = [sys.executable, "-m", "rnnbench", "run", *map(str, (*SUITE, *FAST, *words))]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(line, cwd=folder, env=environment(**home(folder, **more)), **streams)


def know_ceilings(folder: Path) -> None:
    """What the machine can do at most, as a run before has found it: a second less for each run."""
    if KNOWN.exists():
        (folder / "results").mkdir(exist_ok=True)
        shutil.copy(KNOWN, folder / "results" / CACHE)


def variants(*names: str) -> tuple[str, str]:
    return "--set", f"variant={','.join(names)}"


def seeds(count: int) -> tuple[str, str]:
    return "--set", f"seed={','.join(map(str, range(count)))}"


def lines(folder: Path) -> int:
    """Records on disk, over all runs of a folder."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("results/*/records.jsonl"))


def by_variant(records: tuple[Record, ...] | list[Record]) -> dict[str, Record]:
    return {record.case.variant: record for record in records}


def alive(pid: int) -> bool:
    """Whether a process runs, zombies left out."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def memory_group(name: str, limit_bytes: int) -> Path:
    """A control group with a memory limit, or LookupError where this machine allows none."""
    for parent in own_groups()[:1]:  # within the group that this process is confined to
        file = "memory.limit_in_bytes" if (parent / "memory.limit_in_bytes").exists() else "memory.max"
        group = parent / f"rnnbench-test-{name}-{os.getpid()}"
        try:
            group.mkdir(exist_ok=True)
            (group / file).write_text(str(limit_bytes))
        except OSError as error:
            raise LookupError(f"no memory control group can be made here: {error}") from None
        return group
    raise LookupError("there is no memory controller here")
