"""Temporary folders that are cleaned up even after a kill."""

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "rnnbench-scratch-"
YOUNG_S = 60.0  # a new folder is in use even before it is locked
_NAME = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_]{8}")


@contextmanager
def scratch(within: str | None = None) -> Iterator[Path]:
    """A temporary folder that is removed after the block. It is locked; the kernel releases the lock when the process ends, even by a kill.

    `within` is the folder to create it in, if the system's temporary folder cannot be used.
    """
    sweep()
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=within, ignore_cleanup_errors=True) as name:
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with suppress(OSError):  # a file system without locks: such a folder stays behind after a kill
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(descriptor)


def sweep(young_s: float = YOUNG_S) -> None:
    """Remove this user's scratch folders that no process has locked. Folders with other names, or that cannot be removed, are kept."""
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as found:
        for one in found:
            if _NAME.fullmatch(one.name):
                with suppress(OSError):
                    _sweep(Path(one.path), young_s)


def _sweep(folder: Path, young_s: float) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.getuid() or time.time() - status.st_mtime < young_s:
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
