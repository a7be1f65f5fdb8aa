"""Real processes that train one model: the same gradients as one process, and whoever dies or hangs is named and leaves nobody behind."""

import json
import signal
import subprocess
import sys

import psutil
import pytest

from tests.faults.tools import FAST, HERE, alive, home, know_ceilings
from tests.limits import scaled, until
from tests.tools import ROOT, command, ended, environment, only_run

RANKED = ("--suite", ROOT / "suites/bench_scaling.py", "--plugin", HERE / "ranked_cells.py")
SMALL = [word for one in ("depth=1", "hidden_size=8", "input_size=8", "batch_size=4", "seq_len=3") for word in ("--set", one)]


def run(folder, *words):
    """Cases of two processes, to their end; and none of their processes is left."""
    know_ceilings(folder)
    marks = home(folder)
    done = command("run", *RANKED, *FAST, *SMALL, "--select", "accumulation == 1", *words, cwd=folder, **marks)
    pids = folder / "pids"
    for pid in map(int, pids.read_text().split() if pids.exists() else []):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return done


def only(folder, *words):
    """The record of the one case."""
    done = run(folder, "--set", "processes=2", "--set", "scaling=strong", "--set", "bucket_mib=none", *words)
    assert done.code in (0, 5), done.err
    _, found = only_run(folder / "results")
    (record,) = found.records
    return record


@pytest.mark.parametrize(
    ("variant", "status", "reason"),
    [
        ("dies", "crashed", "rank 1 of 2 was killed by SIGKILL"),
        ("exits", "crashed", "rank 1 of 2 exited with code 7 before the case had ended"),
        ("raises", "failed", "rank 1 of 2: ValueError: the cell is out of sorts"),
        ("raises_everywhere", "failed", "rank 0 of 2: ValueError: the cell is out of sorts"),
        ("first_dies", "crashed", "rank 0 of 2 was killed by SIGKILL"),
    ],
)
def test_a_rank_that_ends_is_named(tmp_path, variant, status, reason):
    """Whichever rank ends, and however: its case ends soon with that rank in the reason, and no process is left."""
    record = only(tmp_path, "--set", f"variant={variant}", "--case-timeout", scaled(60))
    assert (record.status, record.reason) == (status, reason)


@pytest.mark.parametrize("variant", ["hangs", "hangs_backward", "stops"])
def test_a_rank_that_hangs_is_named(tmp_path, variant):
    """A rank that never comes to where the other waits is ended at the case's time limit, named, and no process is left."""
    record = only(tmp_path, "--set", f"variant={variant}", "--case-timeout", scaled(8))
    assert record.status == "timeout"
    assert record.reason.startswith(f"still running after {scaled(8):g} s: rank 1 of 2 did not reach"), record.reason


def test_no_rank_outlives_a_killed_run(tmp_path):
    """`kill -9` of rnnbench while a rank hangs ends the agent and both ranks."""
    know_ceilings(tmp_path)
    words = ["run", *RANKED, *FAST, *SMALL, "--set", "processes=2", "--set", "variant=hangs", "--select", "accumulation == 1"]
    with subprocess.Popen(
        [sys.executable, "-m", "rnnbench", *map(str, words)], cwd=tmp_path, env=environment(**home(tmp_path)), stdout=subprocess.DEVNULL
    ) as started:
        pids = tmp_path / "pids"
        until(lambda: pids.exists() and pids.read_text().count("\n") >= 2)
        started.send_signal(signal.SIGKILL)
    until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


def test_two_processes_are_measured(tmp_path):
    """Strong and weak scaling over one and two processes: global throughput, communication, one thread each; more processes than
    cores are unsupported with the reason."""
    if len(psutil.Process().cpu_affinity()) < 2:
        pytest.skip("two processes want two cores")
    done = run(tmp_path, "--set", "processes=1,2,4096", "--set", "bucket_mib=none")
    assert done.code == 0, done.err
    _, found = only_run(tmp_path / "results")
    by_name = {(one.case.processes, one.case.scaling): one for one in found.records}
    one, strong, weak, many = (by_name[key] for key in ((1, "strong"), (2, "strong"), (2, "weak"), (4096, "weak")))
    assert {one.status, strong.status, weak.status} == {"ok"}
    tokens = {key: one.metrics["tokens_per_s"] * one.metrics["step_time_s"] for key, one in by_name.items() if one.status == "ok"}
    assert {key: round(value) for key, value in tokens.items()} == {(1, "strong"): 12, (2, "strong"): 12, (2, "weak"): 24, (1, "weak"): 12}
    for record in (strong, weak):
        assert record.beside == "no communication"
        assert record.metrics["communication_s"] < record.metrics["step_time_s"]
        assert record.metrics["communication_share"] < 1
        assert record.metrics["threads"] == 1
    assert one.absent["communication_share"] == "a single process does not communicate"
    assert many.status == "unsupported"
    assert "4096 processes need 4096 cores, but this machine has" in many.reason


def test_gradients_are_those_of_one_process(tmp_path):
    """In float64, two processes on half the batch each, with and without parts, have the gradients of one process on the whole batch
    within 1e-12 of the largest. The one process is plain torch on the same data."""
    done = ended(sys.executable, HERE / "gradients.py", tmp_path, cwd=tmp_path, PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1")
    assert done.code == 0, done.err
    told = json.loads((tmp_path / "told.json").read_text())
    assert set(told) == {"strong", "parts", "weak"}
    for name, row in told.items():
        assert row["largest"] > 1e-3, name
        assert row["apart"] <= 1e-12 * row["largest"], name
