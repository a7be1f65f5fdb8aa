"""Memory: a limit for each case, and what is free where a control group limits it."""

import os
import subprocess
import sys

import pytest

from rnnbench.device.memory_limits import free_bytes
from tests.faults.tools import by_variant, memory_group, run, variants
from tests.limits import hung_s
from tests.tools import only_run

GROUP_BYTES = 600 * 2**20


def test_a_memory_limit_makes_a_greedy_case_a_row(tmp_path):
    """Under --memory-limit a case that allocates on and on is `oom`, with what was asked for and what was free; the next is measured."""
    done = run(tmp_path, *variants("allocates", "good"), "--memory-limit", "256MiB")
    _, found = only_run(tmp_path / "results")
    records = by_variant(found.records)
    assert (done.code, records["good"].status) == (5, "ok")
    assert records["allocates"].status == "oom"
    assert records["allocates"].metrics["requested_bytes"] == 2**26
    assert 0 <= records["allocates"].metrics["available_bytes"] < 2**26
    assert found.arguments["memory_limit_bytes"] == 2**28


@pytest.mark.parametrize("size", ["much", "0", "8 parsecs"])
def test_a_memory_limit_that_is_no_size_is_quoted(size, tmp_path):
    """--memory-limit takes a size; anything else ends with exit code 2, quoted."""
    done = run(tmp_path, *variants("good"), "--memory-limit", size)
    assert done.code == 2
    assert repr(size) in done.err


def test_free_memory_is_what_a_control_group_leaves():
    """What --skip-oversize compares with is the least that the machine and its control groups leave."""
    try:
        group = memory_group("free", GROUP_BYTES)
    except LookupError as error:
        pytest.skip(str(error))
    enter = f"import os; open({str(group / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))"
    script = f"{enter}\nfrom rnnbench.device.memory_limits import free_bytes; print(free_bytes())"
    try:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=hung_s(), check=True, env=os.environ)
    finally:
        group.rmdir()
    assert 0 < int(done.stdout) < GROUP_BYTES < free_bytes()
