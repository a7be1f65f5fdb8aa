"""Ctrl-C, once and twice, and a polite request to end; and a process that no signal ends."""

import signal
import time
from pathlib import Path

import psutil
import pytest

from rnnbench.files import read_run
from tests.faults.tools import lines, run, seeds, start, variants
from tests.limits import hung_s, scaled, until
from tests.tools import only_run


@pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGTERM, 1)])
def test_an_interrupted_run_keeps_its_records_and_goes_on(number, times, tmp_path):
    """Ctrl-C, a second one while it ends, and SIGTERM: exit code 130, whole records, no process left, and --resume does the rest."""
    process = start(tmp_path, *seeds(12))
    until(lambda: lines(tmp_path) >= 2)
    children = psutil.Process(process.pid).children(recursive=True)
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.1)
    out, err = process.communicate(timeout=hung_s())
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in out + err
    assert not psutil.wait_procs(children, timeout=hung_s())[1]
    (folder,) = (path.parent for path in tmp_path.glob("results/*/run.json"))
    found, damage = read_run(folder)
    assert not damage
    assert len(found.records) >= 2
    assert found.interrupted or times == 2
    assert run(tmp_path, "--resume", found.id).code == 0
    assert sorted(one.case.seed for one in only_run(tmp_path / "results")[1].records) == list(range(12))


@pytest.fixture
def freezer():
    """A control group that can stop processes so that not even SIGKILL ends them. Thawed and removed afterwards."""
    place = Path("/sys/fs/cgroup/freezer")
    own = next((line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines() if ":freezer:" in line), None)
    group = place / (own or "/").lstrip("/") / f"rnnbench-test-{time.monotonic_ns()}"
    if own is None or not place.is_dir():
        pytest.skip("there is no freezer of version 1 here")
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    yield group
    (group / "freezer.state").write_text("THAWED")
    until(lambda: not (group / "cgroup.procs").read_text().split())
    group.rmdir()


@pytest.mark.slow
def test_a_process_that_cannot_be_killed_is_left_behind(freezer, tmp_path):
    """A case that outlives SIGKILL, as one in a driver's endless call does, is `timeout`; another server measures the rest."""
    process = start(tmp_path, *variants("hangs", "good"), "--case-timeout", scaled(8))
    (server,) = until_some(
        lambda: [one for one in psutil.Process(process.pid).children() if "rnnbench.runs.processes.forkserver" in one.cmdline()]
    )
    until(lambda: list(tmp_path.glob("results/*/logs/faults-hangs*")))
    (worker,) = until_some(server.children)
    (freezer / "cgroup.procs").write_text(str(worker.pid))
    (freezer / "freezer.state").write_text("FROZEN")
    out, err = process.communicate(timeout=hung_s())
    assert process.returncode == 5, (out, err)
    hung, good = only_run(tmp_path / "results")[1].records
    assert (hung.status, good.status) == ("timeout", "ok")
    assert f"its process {worker.pid} survived SIGKILL: the kernel does not release it" in hung.notes


def until_some(find):
    """What a call finds, as soon as it finds something."""
    found = []

    def look() -> bool:
        found[:] = find()
        return bool(found)

    until(look)
    return found
