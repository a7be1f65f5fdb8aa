"""Variants that fail, each in one way, for real: a plugin of the fault matrix."""

import contextlib
import ctypes
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from rnnbench import variant
from rnnbench.case import Case

LIMIT_BYTES = 3 * 2**30
GROUP_VARIABLE = "RNNBENCH_TEST_GROUP"  # folder of a memory control group that a test made


class Cell(nn.Module):
    """One linear layer that runs `fault()` at its so-manieth call."""

    def __init__(self, case: Case, fault: Callable[[], object], at_call: int) -> None:
        super().__init__()
        self.layer = nn.Linear(case.input_size, case.hidden_size)
        self.fault, self.left = fault, at_call

    def forward(self, x: Tensor) -> Tensor:
        self.left -= 1
        if self.left == 0:
            self.fault()
        return self.layer(x)


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def raise_error() -> None:
    raise ValueError("the cell is out of sorts")


def hang() -> None:
    while True:
        time.sleep(1)


def hang_in_c() -> None:
    """A match that takes ages keeps the interpreter's lock: no other Python code of this process runs."""
    re.fullmatch(r"(a+)+b", "a" * 60)


def hang_deaf() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    hang()


def leak_children() -> None:
    """A child, and a grandchild in a session of its own; both outlive the case unless somebody ends them."""
    sleep = f"import time; open({os.environ['RNNBENCH_TEST_PIDS']!r}, 'a').write(f'{{__import__(\"os\").getpid()}}\\n'); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", sleep])
    forking = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleep!r}], start_new_session=True)"
    subprocess.run([sys.executable, "-c", forking], check=True)
    while Path(os.environ["RNNBENCH_TEST_PIDS"]).read_text().count("\n") < 2:
        time.sleep(0.05)


def hang_with_children() -> None:
    leak_children()
    hang()


def allocate_in_limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    held = []
    while True:
        held.append(torch.empty(2**24))  # untouched: the limit counts it, and no time goes into pages


def allocate_in_group() -> None:
    """Under a control group's limit nothing raises: the kernel kills."""
    Path(os.environ[GROUP_VARIABLE], "cgroup.procs").write_text(str(os.getpid()))
    held = []
    while True:
        held.append(bytearray(os.urandom(2**20)) * 16)


def allocate_on() -> None:
    held = []
    while True:
        held.append(torch.ones(2**24))


def host_memory_error() -> None:
    bytearray(2**62)


def terminate() -> None:
    """What C++ does with an exception that nobody catches."""
    ctypes.CDLL("libstdc++.so.6")._ZSt9terminatev()


def interrupt() -> None:
    raise KeyboardInterrupt


def hang_in_a_call() -> None:
    """In the kernel, with the interpreter's lock; the question where it hangs wakes it."""
    ctypes.PyDLL(None).sleep(600)


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def kill_server_with_children() -> None:
    leak_children()
    os.kill(os.getppid(), signal.SIGKILL)
    hang()


def babble() -> None:
    """Garbage into every descriptor, the pipe to the supervisor among them."""
    for descriptor in range(3, 256):
        with contextlib.suppress(OSError):
            os.write(descriptor, b'\x00{"event": 7}\n[]\n{"event": "record", "record": {}}\nno json\n')


CASES: dict[str, tuple[Callable[[], object], int]] = {
    "good": (lambda: None, 1),
    "segfault": (lambda: ctypes.string_at(0), 3),
    "abort": (os.abort, 3),
    "exits": (lambda: os._exit(7), 3),
    "raises": (raise_error, 3),
    "hangs": (hang, 3),
    "hangs_in_c": (hang_in_c, 3),
    "hangs_deaf": (hang_deaf, 3),
    "hangs_with_children": (hang_with_children, 3),
    "leaks": (leak_children, 3),
    "killed_warming_up": (kill_self, 3),
    "killed_in_rounds": (kill_self, 60),
    "out_of_address_space": (allocate_in_limit, 3),
    "out_of_group": (allocate_in_group, 3),
    "memory_error": (host_memory_error, 3),
    "babbles": (babble, 3),
    "terminates": (terminate, 3),
    "leaves_python": (lambda: sys.exit(3), 3),
    "interrupts": (interrupt, 3),
    "hangs_in_a_call": (hang_in_a_call, 3),
    "stops": (stop, 3),
    "kills_server": (kill_server_with_children, 3),
    "allocates": (allocate_on, 3),
    "too_large": (lambda: torch.empty(2**58), 3),
}
for name, (fault, at_call) in CASES.items():
    variant(name=name, source="tests/faults")(lambda case, fault=fault, at_call=at_call: Cell(case, fault, at_call))


@variant(source="tests/faults")
def killed_at_build(case: Case) -> nn.Module:
    kill_self()
    return Cell(case, kill_self, 1)


@variant(source="tests/faults")
def not_a_number(case: Case) -> nn.Module:
    cell = Cell(case, lambda: None, 1)
    nn.init.constant_(cell.layer.weight, float("nan"))
    return cell


for name in ("killed_before_record", "killed_after_record", "hangs_after_record"):
    variant(name=name, source="tests/faults")(lambda case: Cell(case, lambda: None, 1))  # the suite's function strikes
