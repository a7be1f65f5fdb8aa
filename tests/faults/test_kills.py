"""kill -9 of the whole supervisor at random instants, again and again; what is resumed ends as if nothing had happened."""

import random
import secrets
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from rnnbench.files import read_records, read_run
from tests.faults.tools import lines, run, seeds, start
from tests.limits import until

KILLS, CASES, AT_ONCE = 52, 26, 3
STEPS = 4  # records between two kills, at most
MARK = "RNNBENCH_TEST_MARK"

pytestmark = pytest.mark.slow


class Tally:
    """Kills that are still to come, over all chains."""

    def __init__(self, kills: int) -> None:
        self.left = kills
        self._lock = threading.Lock()

    def count(self) -> None:
        with self._lock:
            self.left -= 1


def chain(folder: Path, seed: int, mark: str, tally: Tally) -> None:
    """Start, kill, resume, kill, … until the run is done or there were kills enough; then resume to the end."""
    if tally.left <= 0:
        return
    folder.mkdir()
    chance = random.Random(seed)
    while tally.left > 0 and lines(folder) < CASES:
        process = start(folder, *asked(folder), **{MARK: mark})
        wait(chance, folder, process)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            tally.count()
        process.communicate()
    done = run(folder, *asked(folder), **{MARK: mark})
    assert done.code == 0, done


def asked(folder: Path) -> tuple[str, ...]:
    """The run to go on with, or a new one."""
    runs = list(folder.glob("results/*/run.json"))
    assert len(runs) <= 1
    return ("--resume", runs[0].parent.name) if runs else seeds(CASES)


def wait(chance: random.Random, folder: Path, process: subprocess.Popen[str]) -> None:
    """Until an instant that nothing chose: some time in its start, or a moment after some record."""
    if chance.random() < 0.15:
        time.sleep(chance.uniform(0, 4))
        return
    wanted = min(CASES, lines(folder) + chance.randint(0, STEPS))
    until(lambda: process.poll() is not None or (list(folder.glob("results/*/run.json")) and lines(folder) >= wanted))
    time.sleep(chance.uniform(0, 0.4))


def marked(mark: str) -> list[psutil.Process]:
    """Processes that come from these runs and still run."""
    found = []
    for one in psutil.process_iter():
        try:
            if one.environ().get(MARK) == mark and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        except (psutil.Error, OSError):
            continue
    return found


def test_the_union_of_records_is_the_case_list(tmp_path):
    """After 52 kills, each run holds every planned case once, whole, and no process is left."""
    mark, seed, tally = secrets.token_hex(4), random.randrange(2**32), Tally(KILLS)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        folders = [tmp_path / f"chain{number}" for number in range(KILLS)]
        list(pool.map(lambda number: chain(folders[number], seed + number, mark, tally), range(KILLS)))
    assert tally.left <= 0
    for folder in (path.parent for path in tmp_path.glob("chain*/results/*/run.json")):
        found, damage = read_run(folder)
        records, _ = read_records(folder / "records.jsonl")
        assert not damage
        assert sorted(one.case.seed for one in records) == list(range(CASES)), f"seed {seed}"
        assert {one.status for one in records} == {"ok"}
        assert found.finished_utc
        assert not found.interrupted
    until(lambda: not marked(mark))
