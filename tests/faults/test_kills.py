"""kill -9 of the whole supervisor at random instants, again and again; what is resumed ends as if nothing had happened."""

import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rnnbench.files import read_records, read_run
from tests.faults.tools import FAST, SUITE, home, seeds
from tests.tools import environment

CHAINS, KILLS, CASES = 4, 13, 30
LONGEST_S = 5.0

pytestmark = pytest.mark.slow


def chain(folder: Path, seed: int) -> Path:
    """Start, kill, resume, kill, … and at last resume to the end: the folder of the one run."""
    folder.mkdir()
    chance, kills = random.Random(seed), 0
    while True:
        runs = sorted(folder.glob("results/*/run.json"))
        assert len(runs) <= 1
        went_on = ("--resume", runs[0].parent.name) if runs else seeds(CASES)
        line = [sys.executable, "-m", "rnnbench", "run", *map(str, (*SUITE, *FAST, *went_on))]
        process = subprocess.Popen(line, cwd=folder, env=environment(**home(folder)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if kills < KILLS:
            try:
                process.wait(chance.uniform(0, LONGEST_S))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            kills += 1
            process.communicate()
            continue
        _, told = process.communicate(timeout=240)
        assert process.returncode == 0, told
        return runs[0].parent if runs else next(folder.glob("results/*/run.json")).parent


def test_the_union_of_records_is_the_case_list(tmp_path):
    """After 52 kills in four runs, each run holds every planned case once, whole, and no process of it is left."""
    with ThreadPoolExecutor(CHAINS) as pool:
        folders = list(pool.map(lambda number: chain(tmp_path / f"chain{number}", number), range(CHAINS)))
    for folder in folders:
        run, damage = read_run(folder)
        records, _ = read_records(folder / "records.jsonl")
        assert not damage
        assert sorted(one.case.seed for one in records) == list(range(CASES))
        assert {one.status for one in records} == {"ok"}
        assert run.finished_utc
        assert not run.interrupted
