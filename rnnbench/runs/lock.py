"""One benchmark at a time on a device: a file lock that names its holder and falls with it."""

import contextlib
import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rnnbench.errors import RnnbenchError
from rnnbench.journal import now_utc

FOLDER_VARIABLE = "RNNBENCH_LOCKS"


class Busy(RnnbenchError):
    """Somebody else measures on this device now."""

    def __init__(self, what: str, holder: str) -> None:
        super().__init__(f"{what} is in use by {holder}: wait with --wait, or end that run")


@contextlib.contextmanager
def held(what: str, path: Path, wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold `path` for as long as the block runs. The kernel frees it with its holder, however that ends.

    `wait` is told once of a holder and then waited out; without it, Busy is raised.
    """
    with path.open("a+", encoding="utf-8") as file:
        with contextlib.suppress(OSError):
            path.chmod(0o666)  # another user's run has to see it too
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait is None:
                raise Busy(what, _holder(path)) from None
            wait(f"{what} is in use by {_holder(path)}; waiting")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started_utc": now_utc()}))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def device_lock(device: str) -> Path:
    """The lock file of a device on this machine."""
    folder = Path(os.environ.get(FOLDER_VARIABLE) or tempfile.gettempdir())
    return folder / f"rnnbench-{device.replace(':', '-').replace('/', '-')}.lock"


def _holder(path: Path) -> str:
    """Who holds it, in words."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return f"process {found['pid']} on {found['host']} since {found['started_utc']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
