"""What the device was asked, in order."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter  # bound here, so that a test may replace time.perf_counter
from typing import NamedTuple

from tests.toy.settings import TOY


class Call(NamedTuple):
    """One request. `name` is a function of `torch.toy`, or an aten operator without its overload."""

    name: str
    kind: str  # `device` or `op`
    at: float  # time.perf_counter() [s], comparable between processes of one machine
    pid: int


CALLS: list[Call] = []


def log(name: str, kind: str = "device") -> None:
    """Append to CALLS, and to the log file where one is set."""
    if kind == "op" and not TOY.log_ops:
        return
    call = Call(name, kind, perf_counter(), os.getpid())
    CALLS.append(call)
    if TOY.log_file:
        with Path(TOY.log_file).open("a", encoding="ascii") as file:  # opened for each line: a worker may be killed, or end by os._exit
            file.write("\t".join(map(str, call)) + "\n")


def read_log(path: str | Path) -> list[Call]:
    """Calls from a log file that one process or several wrote."""
    rows = (line.split("\t") for line in Path(path).read_text(encoding="ascii").splitlines())
    return [Call(name, kind, float(at), int(pid)) for name, kind, at, pid in rows]


@contextmanager
def watch() -> Iterator[list[Call]]:
    """CALLS, emptied, with operators while the block runs."""
    before, TOY.log_ops = TOY.log_ops, True
    CALLS.clear()
    try:
        yield CALLS
    finally:
        TOY.log_ops = before
