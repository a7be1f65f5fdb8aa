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
YOUNG_S = 60.0  # between a folder's making and its lock there is a moment, in which it belongs to somebody all the same
_NAME = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_]{8}")


@contextmanager
def scratch(within: str | None = None) -> Iterator[Path]:
    """A folder of one's own that is gone after the block. The kernel frees its lock with its holder, however that ends.

    `within` is the folder to make it in, where the system's temporary folder cannot be used.
    """
    sweep()
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=within, ignore_cleanup_errors=True) as name:
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with suppress(OSError):  # a file system without locks: such a folder may stay behind, and is swept as nobody's
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(descriptor)


def sweep(young_s: float = YOUNG_S) -> None:
    """Remove this user's folders that nobody holds. Names that others chose are left alone, and so is what cannot be removed."""
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as found:
        for one in found:
            if _NAME.fullmatch(one.name):
                with suppress(OSError):
                    _sweep(Path(one.path), young_s)


def _sweep(folder: Path, young_s: float) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        told = os.fstat(descriptor)
        if told.st_uid != os.getuid() or time.time() - told.st_mtime < young_s:
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
