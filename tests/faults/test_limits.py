"""Time limits, locks, resumption, disks and clocks: each with the real fault."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from rnnbench.files import read_records, read_run
from tests.faults.tools import HERE, lines, run, seeds, start, variants
from tests.limits import hung_s, scaled, until
from tests.tools import ended, only_run

SLOW_CASE = ("--case-budget", "0.6", "--precision-goal", "0.0001")


@pytest.mark.slow
def test_max_time_says_what_it_left_out_and_resume_does_it(tmp_path):
    """--max-time ends a run early with exit code 4 and the number left out; --resume measures exactly those."""
    done = run(tmp_path, *seeds(24), *SLOW_CASE, "--max-time", "4")
    folder, found = only_run(tmp_path / "results")
    left = 24 - len(found.records)
    assert done.code == 4, done.err
    assert 0 < left < 24
    assert f"{left} cases were not measured" in done.err
    assert run(tmp_path, "--resume", found.id).code == 0
    records, _ = read_records(folder / "records.jsonl")
    assert sorted(one.case.seed for one in records) == list(range(24))


def test_max_time_is_spent_evenly(tmp_path):
    """Under --max-time no case is given the whole budget while others go without: each has less, and all are measured."""
    assert run(tmp_path, *seeds(4), "--case-budget", "30", "--precision-goal", "0.000001", "--max-time", "8").code == 0
    _, found = only_run(tmp_path / "results")
    spent = [one.metrics["measured_s"] for one in found.records]
    assert len(spent) == 4
    assert max(spent) < 4


def test_a_second_run_on_a_device_is_refused_and_a_dead_holder_is_not_waited_for(tmp_path):
    """The second run names the first one's process; once that is killed with SIGKILL its lock is free."""
    first = start(tmp_path, *seeds(200))
    until(lambda: lines(tmp_path) >= 1)
    second = run(tmp_path, *seeds(1))
    assert second.code == 1
    assert f"process {first.pid} on" in second.err
    assert "--wait" in second.err
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert run(tmp_path, *seeds(1)).code == 0


def test_a_run_that_waits_goes_on_when_the_device_is_free(tmp_path):
    """--wait says whom it waits for, and then measures."""
    first = start(tmp_path, *seeds(15))
    until(lambda: lines(tmp_path) >= 1)
    second = run(tmp_path, *seeds(1), "--wait")
    assert first.wait(120) == 0
    first.communicate()
    assert second.code == 0, second.err
    assert f"process {first.pid} on" in second.err


def test_a_run_is_not_resumed_twice_at_once(tmp_path):
    """Two that would go on with the same run do not write into one another, whatever their device locks."""
    first = start(tmp_path, *seeds(200))
    until(lambda: lines(tmp_path) >= 1)
    other = tmp_path / "other"
    other.mkdir()
    (folder,) = (path.parent for path in tmp_path.glob("results/*/run.json"))
    second = run(tmp_path, "--resume", folder.name, RNNBENCH_LOCKS=str(other))
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert second.code == 1
    assert f"run '{folder.name}' is in use by process {first.pid}" in second.err


def test_a_half_written_line_is_set_aside_and_told(tmp_path):
    """Resuming after a write that was cut off keeps the whole records, moves the half one aside, and measures its case again."""
    run(tmp_path, *seeds(3))
    folder, found = only_run(tmp_path / "results")
    journal = folder / "records.jsonl"
    whole = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(whole[:2]) + whole[2][:100])
    done = run(tmp_path, "--resume", found.id)
    assert done.code == 0, done.err
    assert "half-written" in done.err
    records, damage = read_records(journal)
    assert not damage
    assert journal.read_bytes().startswith(b"".join(whole[:2]))
    assert sorted(one.case.seed for one in records) == [0, 1, 2]
    assert (folder / "records.damaged").read_bytes().startswith(whole[2][:100])


def test_another_machine_is_refused_unless_told(tmp_path):
    """A run begun elsewhere is not gone on with (exit code 4, nothing written); --resume-anyway does, and each new record says so."""
    run(tmp_path, *seeds(3))
    folder, found = only_run(tmp_path / "results")
    journal = folder / "records.jsonl"
    kept = b"".join(journal.read_bytes().splitlines(keepends=True)[:1])
    journal.write_bytes(kept)
    data = json.loads((folder / "run.json").read_text())
    data["machine"]["cpu"]["model"] = "Another CPU"
    (folder / "run.json").write_text(json.dumps(data))
    refused = run(tmp_path, "--resume", found.id)
    assert refused.code == 4
    assert "Another CPU" in refused.err
    assert journal.read_bytes() == kept
    assert run(tmp_path, "--resume", found.id, "--resume-anyway").code == 0
    records, _ = read_records(journal)
    assert ["Another CPU" in " ".join(one.notes) for one in records] == [False, True, True]


@contextmanager
def small_disk(at: Path, size: str):
    """A tmpfs of so many bytes."""
    at.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {made.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def fill(path: Path) -> None:
    """Write until the disk takes no more."""
    with path.open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"\0" * 4096)


@pytest.mark.slow
def test_a_disk_that_fills_up_stops_the_run_with_every_earlier_record(tmp_path):
    """The first write that fails ends the run with one sentence and exit code 1; with space again, --resume does the rest."""
    with small_disk(tmp_path / "disk", "24m") as disk:
        process = start(tmp_path, *seeds(40), "--results", disk)
        until(lambda: sum(path.read_bytes().count(b"\n") for path in disk.glob("*/records.jsonl")) >= 3)
        fill(disk / "filler")
        _, told = process.communicate(timeout=hung_s())
        assert process.returncode == 1, told
        assert "No space left on device" in told
        assert "Traceback" not in told
        (folder,) = (path.parent for path in disk.glob("*/run.json"))
        found, damage = read_run(folder)
        assert not damage
        assert 3 <= len(found.records) < 40
        (disk / "filler").unlink()
        assert run(tmp_path, "--resume", found.id, "--results", disk).code == 0
        assert sorted(one.case.seed for one in read_run(folder)[0].records) == list(range(40))


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_measured(tmp_path):
    """A read-only file system ends the run with one sentence and exit code 1."""
    with small_disk(tmp_path / "disk", "24m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = run(tmp_path, *seeds(1), "--results", disk)
    assert done.code == 1
    assert "Read-only file system" in done.err
    assert "Traceback" not in done.err


def test_limits_do_not_go_by_the_wall_clock(tmp_path):
    """With a wall clock that jumps a day ahead and back every two seconds, good cases are ok and a hung one times out."""
    if not (compiler := shutil.which("gcc")):
        pytest.skip("gcc is not here")
    library = tmp_path / "jump.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(HERE / "jump.c"), "-ldl"], check=True)
    probe = "import time; times = [(time.time(), time.sleep(0.5))[0] for _ in range(10)]; print(max(times) - min(times) > 80000)"
    assert ended(sys.executable, "-c", probe, cwd=tmp_path, LD_PRELOAD=str(library)).out.strip() == "True"
    run(tmp_path, *variants("good", "hangs"), "--case-timeout", scaled(4), "--max-time", "600", LD_PRELOAD=str(library))
    _, found = only_run(tmp_path / "results")
    assert {one.case.variant: one.status for one in found.records} == {"good": "ok", "hangs": "timeout"}
    assert all(0 < seconds < 1 for one in found.records for seconds in one.times_s)


def test_other_load_is_noted(tmp_path):
    """A record measured beside busy processes says `contended`, and how many cores they kept busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(psutil.cpu_count() or 1)]
    try:
        run(tmp_path, *seeds(1), "--case-budget", "1", "--precision-goal", "0.0001")
    finally:
        for process in busy:
            process.kill()
            process.wait()
    _, found = only_run(tmp_path / "results")
    (record,) = found.records
    assert record.metrics["other_load_cores"] > 0.3
    assert any(note.startswith("contended: other processes") for note in record.notes)


def test_pin_and_threads_are_set_and_recorded(tmp_path):
    """--pin keeps the measuring process on one CPU, --threads sets torch's: both stand in the machine's fingerprint and the arguments."""
    cpu = str(min(os.sched_getaffinity(0)))
    assert run(tmp_path, *seeds(1), "--pin", cpu, "--threads", "1").code == 0
    _, found = only_run(tmp_path / "results")
    assert found.machine["cpu"]["usable"] == 1
    assert found.machine["torch"]["threads"] == 1
    assert (found.arguments["pin"], found.arguments["threads"]) == (cpu, 1)


def test_a_case_that_will_not_fit_is_not_tried(tmp_path):
    """--skip-oversize records the need and what is free, and measures the rest."""
    done = run(tmp_path, *variants("lstm"), "--set", "phase=train", "--set", "seq_len=2,100000000", "--skip-oversize")
    _, found = only_run(tmp_path / "results")
    small, large = found.records
    assert done.code == 0
    assert (small.status, large.status) == ("ok", "unsupported")
    assert large.reason.startswith("needs ")
    assert large.reason.endswith(" free")
    assert not large.times_s


def test_killing_the_fork_server_costs_one_case(tmp_path):
    """When the fork server is killed, the case at hand is `crashed` and a new server measures the rest."""
    process = start(tmp_path, *seeds(60), "--case-budget", "2", "--precision-goal", "0.000001")
    until(lambda: lines(tmp_path) >= 1)
    time.sleep(0.5)  # into the next case, which takes longer: the death of an idle server would cost none
    (server,) = (one for one in psutil.Process(process.pid).children() if "rnnbench.runs.processes.forkserver" in one.cmdline())
    server.send_signal(signal.SIGKILL)
    until(lambda: lines(tmp_path) >= 4)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=hung_s())
    _, found = only_run(tmp_path / "results")
    crashed = [one for one in found.records if one.status == "crashed"]
    assert len(crashed) == 1
    assert "exited unexpectedly" in crashed[0].reason
    assert found.records[-1].status == "ok"


def test_a_dead_supervisor_leaves_no_process(tmp_path):
    """kill -9 of the supervisor ends its fork server and the case that hangs in it."""
    process = start(tmp_path, *variants("good", "hangs"))
    until(lambda: lines(tmp_path) >= 1)
    time.sleep(1)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _, left = psutil.wait_procs(children, timeout=hung_s())
    assert children
    assert not left


def test_a_disk_that_is_full_already_ends_it_before_the_first_case(tmp_path):
    """With less than 16 MiB free nothing is measured or written: exit code 1, and what is free is said."""
    with small_disk(tmp_path / "disk", "24m") as disk:
        fill(disk / "filler")
        done = run(tmp_path, *seeds(1), "--results", disk)
        assert done.code == 1
        assert "MiB free" in done.err
        assert [path.name for path in disk.iterdir()] == ["filler"]


def test_a_lock_that_cannot_be_made_is_named(tmp_path):
    """Where the lock of a device cannot be written, the run ends with exit code 1 and says which variable names another folder."""
    done = run(tmp_path, *seeds(1), RNNBENCH_LOCKS=str(tmp_path / "nowhere"))
    assert done.code == 1
    assert "RNNBENCH_LOCKS" in done.err
    assert "Traceback" not in done.err
