"""Signals between rnnbench's processes, and kernel calls that Python does not wrap."""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

STACK_DUMP = signal.SIGUSR1  # on it, a measuring process writes the stack of every thread to its log
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_FIRST_TO_GO = "500"  # of -1000 to 1000


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(signal_number: int, parent: int) -> None:
    """Ask the kernel to end this process when its parent ends; exit at once if the parent has already ended."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of all orphaned descendants, so that none escapes."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def be_killed_first() -> None:
    """Make the kernel's out-of-memory killer prefer this process to the one that writes the records."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
