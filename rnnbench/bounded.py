"""Reading files of others: regular files only, and never more than so many bytes, whatever lies there."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_BUFFER_BYTES = 2**20  # a line without end is passed over as fast as the disk gives it
LARGEST_BYTES = 64 * 2**20
"""Of one JSON document. The largest that rnnbench itself writes is a run.json with its plan: 0.5 KiB a case, so 100,000 cases fit."""


def opened(path: Path) -> BinaryIO:
    """The file, to be read. Raises OSError for what is none: a pipe would be waited for, and a device read without end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return os.fdopen(descriptor, "rb", buffering=_BUFFER_BYTES)
    except OSError:
        os.close(descriptor)
        raise


def content(path: Path, most: int = LARGEST_BYTES) -> bytes:
    """All of a file. Raises OSError for what is no file, or is larger than `most`; no more than that is held."""
    with opened(path) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise OSError(errno.EFBIG, f"larger than the {most:,} bytes that are read", str(path))
    return found


def text(path: Path, most: int = LARGEST_BYTES) -> str:
    """As `content`, as UTF-8. Raises ValueError for what is none."""
    return content(path, most).decode("utf-8")
