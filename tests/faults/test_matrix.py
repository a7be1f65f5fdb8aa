"""One case of every fault in a crowd of more than a hundred good ones: every case ends as a row with the right status."""

import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.tools import alive, by_variant, memory_group, run, seeds, variants
from tests.limits import scaled
from tests.tools import only_run

GOOD = 75
STATUS = {
    "segfault": "crashed",
    "abort": "crashed",
    "exits": "crashed",
    "raises": "failed",
    "hangs": "timeout",
    "hangs_in_c": "timeout",
    "hangs_deaf": "timeout",
    "hangs_with_children": "timeout",
    "leaks": "ok",
    "babbles": "ok",
    "terminates": "crashed",
    "leaves_python": "failed",
    "interrupts": "crashed",
    "hangs_in_a_call": "timeout",
    "stops": "timeout",
    "kills_server": "crashed",
    "hangs_after_record": "ok",
    "killed_at_build": "crashed",
    "killed_warming_up": "crashed",
    "killed_in_rounds": "crashed",
    "killed_before_record": "crashed",
    "killed_after_record": "ok",
    "out_of_address_space": "oom",
    "memory_error": "oom",
    "too_large": "oom",
    "not_a_number": "diverged",
    "good": "ok",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    """A run of 90 good cases and one of every fault, in a folder of its own: (folder, how it ended, its records)."""
    folder = tmp_path_factory.mktemp("matrix")
    mixed = ("--select", "variant == 'good' or seed == 0")
    ended = run(
        folder, *variants(*STATUS), *seeds(GOOD), *mixed, "--case-timeout", scaled(4), "--case-budget", "0.05", "--min-rounds", "50"
    )
    home, found = only_run(folder / "results")
    return folder, home, ended, found


def test_every_case_is_a_row(matrix):
    """The records are exactly the planned cases, each once: at least a hundred."""
    _, _, _, found = matrix
    planned = Counter((one["case"]["variant"], one["case"]["seed"]) for one in found.planned)
    assert Counter((one.case.variant, one.case.seed) for one in found.records) == planned
    assert len(found.records) >= 100


def test_every_fault_has_its_status(matrix):
    """Each kind of fault ends with the status that names it, and no good case ends otherwise than ok."""
    _, _, _, found = matrix
    assert {name: one.status for name, one in by_variant(found.records).items()} == STATUS
    assert {one.status for one in found.records if one.case.variant == "good"} == {"ok"}


def test_the_exit_code_tells(matrix):
    """A run with failed cases ends with 5."""
    assert matrix[2].code == 5, matrix[2].err


@pytest.mark.parametrize(
    ("variant", "word"),
    [
        ("segfault", "SIGSEGV"),
        ("abort", "SIGABRT"),
        ("exits", "exit code 7"),
        ("raises", "ValueError: the cell is out of sorts"),
        ("killed_warming_up", "SIGKILL"),
        ("hangs", "still running after"),
        ("not_a_number", "NaN"),
        ("terminates", "SIGABRT"),
        ("leaves_python", "SystemExit: 3"),
        ("interrupts", "exit code 2"),
        ("kills_server", "the measuring process exited unexpectedly"),
    ],
)
def test_the_reason_says_what_it_was(matrix, variant, word):
    """The reason names the signal, the exit code, the time limit, or the traceback's last line."""
    assert word in by_variant(matrix[3].records)[variant].reason


@pytest.mark.parametrize(
    ("variant", "word"),
    [
        ("raises", "Traceback (most recent call last)"),
        ("segfault", "Segmentation fault"),
        ("hangs", "in hang"),
        ("hangs_in_c", "in hang_in_c"),
        ("hangs_deaf", "in hang"),
        ("hangs_in_a_call", "in hang_in_a_call"),
    ],
)
def test_the_log_says_where(matrix, variant, word):
    """The record names a log that holds the whole traceback, or the stack at which the process hung, in C too."""
    _, home, _, found = matrix
    log = by_variant(found.records)[variant].log
    assert word in (home / "logs" / log).read_text()


def test_no_child_is_left(matrix):
    """Children and grandchildren of a case that leaked them, or that was killed, are ended: those in sessions of their own too."""
    pids = [int(line) for line in (matrix[0] / "pids").read_text().split()]
    assert len(pids) == 6
    deadline = time.monotonic() + scaled(20)
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in pids if alive(pid)]


@pytest.mark.parametrize(
    ("variant", "note"),
    [
        ("leaks", "left 2 processes running; killed"),
        ("hangs_with_children", "left 1 process running; killed"),  # the other went with its group
        ("killed_after_record", "after the last round: killed by SIGKILL"),
        ("hangs_after_record", "its process hung after the last round and was killed"),
    ],
)
def test_what_comes_beside_or_after_a_case_is_noted(matrix, variant, note):
    """Processes left running, and an end that came after the record, stand in the record's notes."""
    assert note in by_variant(matrix[3].records)[variant].notes


def test_requested_and_available_bytes_are_known(matrix):
    """An allocation that the host refuses leaves how much was asked for and how much was free."""
    metrics = by_variant(matrix[3].records)["too_large"].metrics
    assert metrics["requested_bytes"] == 2**58 * 4
    assert 0 < metrics["available_bytes"] < 2**50


def test_a_kill_by_the_kernel_for_memory_is_told_from_another(tmp_path: Path) -> None:
    """Under a control group's limit the kernel kills: the case is oom, and a plain SIGKILL beside it is not."""
    try:
        group = memory_group("kill", 400 * 2**20)
    except LookupError as error:
        pytest.skip(str(error))
    try:
        ended = run(tmp_path, *variants("out_of_group", "killed_warming_up", "good"), RNNBENCH_TEST_GROUP=str(group))
        found = by_variant(only_run(tmp_path / "results")[1].records)
    finally:
        time.sleep(0.2)
        group.rmdir()
    assert {name: one.status for name, one in found.items()} == {"out_of_group": "oom", "killed_warming_up": "crashed", "good": "ok"}
    assert "kernel" in found["out_of_group"].reason
    assert ended.code == 5


def test_cases_that_share_a_process_lose_only_the_one_that_died(tmp_path: Path) -> None:
    """Under --isolation suite a crash takes its own case; those behind it are measured by the next process."""
    run(tmp_path, *variants("good", "segfault", "hangs", "raises"), *seeds(2), "--isolation", "suite", "--case-timeout", scaled(4))
    _, found = only_run(tmp_path / "results")
    assert Counter((one.case.variant, one.status) for one in found.records) == {
        ("good", "ok"): 2,
        ("segfault", "crashed"): 2,
        ("hangs", "timeout"): 2,
        ("raises", "failed"): 2,
    }
    assert signal.Signals.SIGSEGV.name in by_variant(found.records)["segfault"].reason
