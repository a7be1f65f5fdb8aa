"""Waits for the end of a run that has a Ray cluster of its own, then ends what is left of the cluster. `python -m … MARK FOLDER`.

Ray's own helpers outlive a killed driver by minutes. Whatever came from the run carries the mark in its environment.
"""

import contextlib
import shutil
import sys

import psutil

from rnnbench.runs.cluster.link import MARK

ROUNDS = 5


def main(mark: str, folder: str) -> None:
    """Returns when the run is over and no process of its cluster is left."""
    sys.stdin.buffer.read()  # ends with the process at its other end
    for _ in range(ROUNDS):  # again, while the killed were starting others
        if not (left := list(_marked(mark))):
            break
        for one in left:
            with contextlib.suppress(psutil.Error):
                one.kill()
        psutil.wait_procs(left, timeout=5)
    shutil.rmtree(folder, ignore_errors=True)


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if one.environ().get(MARK) == mark and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
