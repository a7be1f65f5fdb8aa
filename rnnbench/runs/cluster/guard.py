"""Ends what is left of a run's own Ray cluster once the run has ended.

Ray's own helpers outlive a killed driver by minutes. Whatever came from the run carries the mark in its environment, or, where it has
written its title over that, has files of the cluster's folder open.
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
    """Returns when the run is over and no process of its cluster is left."""
    run = os.getppid()  # may end by itself, and has Ray's log open until it does
    sys.stdin.buffer.read()  # ends with the process at its other end
    for _ in range(ROUNDS):  # again, while the killed were starting others
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
    """Whether a process has a file below the folder open."""
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()).startswith(f"{folder}/"):
                return True
    return False


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
