"""Ctrl-C: every finished record stays, and the user is told how to go on."""

import signal
import subprocess
import sys
import time

from rnnbench.files import read_run
from tests.limits import hung_s
from tests.tools import environment

AXES = ("--set", "variant=lstm", "--set", "depth=1", "--set", "phase=train", "--set", "precision=fp32", "--set", "hidden_size=8")
MANY = ("--set", f"seed={','.join(map(str, range(300)))}")


def test_ctrl_c_leaves_every_finished_record(tmp_path):
    """SIGINT in the middle of a run ends it with exit code 130, whole records, no process left, and the run's id in the last words."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rnnbench", "run", "--suite", "depth", *AXES, *MANY, "--preset", "quick", "--no-report"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + hung_s()
    while not (journals := [path for path in tmp_path.glob("results/*/records.jsonl") if path.read_bytes().count(b"\n") >= 2]):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    done = journals[0].read_bytes()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=hung_s())
    assert process.returncode == 130, (out, err)
    run, damage = read_run(journals[0].parent)
    assert journals[0].read_bytes().startswith(done)
    assert not damage
    assert 2 <= len(run.records) < 300
    assert {one.status for one in run.records} == {"ok"}
    assert run.interrupted
    assert run.finished_utc
    assert len(run.planned) == 300
    assert f"--resume {run.id}" in out
    assert "Traceback" not in out + err


def test_ctrl_c_before_the_first_case_writes_nothing(tmp_path):
    """SIGINT while the machine is still looked at ends with exit code 130, without a traceback and without a run."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rnnbench", "run", "--suite", "depth", *AXES, *MANY, "--preset", "quick"],
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + hung_s()
    while not list(tmp_path.glob("rnnbench-*/server.log")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=hung_s())
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in out + err
    assert not (tmp_path / "results").exists()
    assert not list(tmp_path.glob("rnnbench-*"))
