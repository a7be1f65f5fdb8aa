"""Ends the remaining processes of a run's own Ray cluster once the run has ended.

Ray's helper processes outlive a killed driver by minutes. A process that the run started has the mark in its environment, or if its
process title overwrote that, it has files in the cluster's folder open.
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

import psutil

from rnnbench.runs.cluster.link import MARK

ROUNDS = 5


def main(mark: str, folder: str) -> None:
    """Wait for the run to end, then end its cluster. Returns when no process of the cluster is left."""
    run = os.getppid()  # must not be killed, although it has Ray's log open until it ends
    sys.stdin.buffer.read()  # returns when the process at the other end has ended
    for _ in range(ROUNDS):  # repeat, because processes may start others before they are killed
        if not (left := _left(mark, folder, run)):
            break
        for one in left:
            with contextlib.suppress(psutil.Error):
                one.kill()
        psutil.wait_procs(left, timeout=5)
    shutil.rmtree(folder, ignore_errors=True)


def _left(mark: str, folder: str, but: int) -> list[psutil.Process]:
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if one.pid == but or one.status() == psutil.STATUS_ZOMBIE:
                continue
            if one.environ().get(MARK) == mark or _holds(one.pid, folder):
                found.append(one)
    return found


def _holds(pid: int, folder: str) -> bool:
    """Whether a process has a file in the folder open."""
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()).startswith(f"{folder}/"):
                return True
    return False


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
