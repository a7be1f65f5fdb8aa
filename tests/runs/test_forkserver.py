"""The fork server: torch is there before a case begins, and no device is touched before the fork."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rnnbench.budget import Budget
from rnnbench.errors import UsageError
from rnnbench.measure.job import Job
from rnnbench.record import Trial
from rnnbench.runs.processes.client import ForkServer, ServerLost
from tests.limits import hung_s
from tests.tools import ROOT, SUITES, small_case

SPY = """
import json, os, sys
had = [name for name in ("torch", "pytest", "torch._dynamo", "rnnbench.variants.lstm") if name in sys.modules]
import torch
seen = {{"pid": os.getpid(), "parent": os.getppid(), "had": had, "cuda": torch.cuda.is_initialized()}}
with open({log!r}, "a") as file:
    file.write(json.dumps({{**seen, "threads": len(os.listdir("/proc/self/task"))}}) + "\\n")
"""


@pytest.fixture
def server(tmp_path):
    one = ForkServer(tmp_path / "server.log")
    yield one
    one.close()


def pid_of(server: ForkServer) -> int:
    return server._process.pid


def events(server: ForkServer, token: int) -> list[dict]:
    found = []
    while (event := server.next_event(60)) is not None:
        if event["token"] == token:
            found.append(event)
            if event["event"] == "exit":
                break
    return found


def test_a_child_finds_torch_loaded_and_no_device_touched(server, tmp_path):
    """Plugins run in the child only: it has torch and pytest from its parent, CUDA untouched, and one thread."""
    log = tmp_path / "spy.jsonl"
    (tmp_path / "spy.py").write_text(SPY.format(log=str(log)))
    case = small_case(suite="depth", phase="forward")
    job = Job(
        suite_path=str(SUITES / "bench_depth.py"),
        tasks=(Trial(case, 0),),
        budget=Budget(max_time_s=0.01, precision=0.5),
        plugins=(str(tmp_path / "spy.py"),),
    )
    first = events(server, server.fork("job", job.as_dict(), tmp_path / "a.log"))
    second = events(server, server.fork("job", job.as_dict(), tmp_path / "b.log"))
    spies = [json.loads(line) for line in log.read_text().splitlines()]
    assert [spy["had"] for spy in spies] == [["torch", "pytest", "torch._dynamo", "rnnbench.variants.lstm"]] * 2
    assert [(spy["cuda"], spy["threads"], spy["parent"]) for spy in spies] == [(False, 1, pid_of(server))] * 2
    for spy, told in zip(spies, (first, second), strict=True):
        assert [event["event"] for event in told] == ["forked", "begin", "record", "exit"]
        assert told[0]["pid"] == told[2]["record"]["pid"] == spy["pid"]
        assert told[2]["record"]["status"] == "ok"
        assert told[3]["code"] == 0


def test_a_child_that_is_killed_is_told(server, tmp_path):
    """A signal to a child ends it alone: the server says by which signal, and goes on."""
    hang = tmp_path / "hang.py"
    hang.write_text("import time; time.sleep(600)")
    token = server.fork("survey", {"device": None, "plugins": [str(hang)]}, tmp_path / "hang.log")
    assert server.next_event(60)["event"] == "forked"
    server.signal(token, signal.SIGKILL)
    assert events(server, token)[-1]["signal"] == signal.SIGKILL
    assert server.ask("survey", {"device": "cpu", "plugins": []}, tmp_path / "again.log")["device"] == "cpu"


def test_what_a_child_leaves_behind_is_ended(server, tmp_path):
    """Processes that a case started, and that outlive it, are killed with it and counted."""
    mark = tmp_path / "pid"
    stray = tmp_path / "stray.py"
    stray.write_text(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
    )
    told = events(server, server.fork("survey", {"device": "cpu", "plugins": [str(stray)]}, tmp_path / "stray.log"))
    assert told[-1]["leaked"] >= 1
    assert not psutil.pid_exists(int(mark.read_text()))


def test_a_refused_question_carries_its_sentence(server, tmp_path):
    """What a child cannot do comes back as the same sentence, not as a dead process."""
    with pytest.raises(UsageError, match="device 'cuda:9' not found; this machine has: cpu"):
        server.ask("survey", {"device": "cuda:9", "plugins": []}, tmp_path / "survey.log")


def test_a_server_that_dies_takes_its_children_and_is_told(server, tmp_path):
    """When the server is killed its children end too, and the next question raises ServerLost."""
    hang = tmp_path / "hang.py"
    hang.write_text("import time; time.sleep(600)")
    server.fork("survey", {"device": None, "plugins": [str(hang)]}, tmp_path / "hang.log")
    child = psutil.Process(server.next_event(60)["pid"])
    os.kill(pid_of(server), signal.SIGKILL)
    with pytest.raises(ServerLost, match="exited unexpectedly"):
        events(server, 1)
    child.wait(timeout=hung_s())


def test_children_end_with_the_supervisor(tmp_path):
    """A supervisor that is killed outright leaves neither a server nor a child running."""
    hang = tmp_path / "hang.py"
    hang.write_text("import time; time.sleep(600)")
    script = (
        "import os, pathlib, signal\nfrom rnnbench.runs.processes.client import ForkServer\n"
        f"home = pathlib.Path({str(tmp_path)!r})\nserver = ForkServer(home / 'server.log')\n"
        f"server.fork('survey', {{'device': None, 'plugins': [{str(hang)!r}]}}, home / 'hang.log')\n"
        "(home / 'pids').write_text(f'{server._process.pid} {server.next_event(60)[\"pid\"]}')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run((sys.executable, "-c", script), env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert ended.returncode == -signal.SIGKILL
    pids = [int(word) for word in Path(tmp_path / "pids").read_text().split()]
    for _ in range(300):
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"still running: {pids}")
