"""One benchmark at a time per device: a file lock that names its holder and is released when the holder ends."""

import contextlib
import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rnnbench.bounded import text
from rnnbench.device.visible import named
from rnnbench.errors import CannotWrite, RnnbenchError
from rnnbench.journal import now_utc

LARGEST_HOLDER_BYTES = 4096
FOLDER_VARIABLE = "RNNBENCH_LOCKS"


class Busy(RnnbenchError):
    """Another process is measuring on this device."""

    def __init__(self, what: str, holder: str) -> None:
        super().__init__(f"{what} is in use by {holder}: wait with --wait, or end that run")


@contextlib.contextmanager
def held(what: str, path: Path, wait: Callable[[str], None] | None = None, *, shared: bool = False) -> Iterator[None]:
    """Lock `path` during the block. The kernel releases the lock when the holder ends, even by a kill.

    Several `shared` holders may have it at once. If another process has it, `wait` is called once with a sentence and this waits;
    without `wait`, Busy is raised.
    """
    with os.fdopen(_open(path), "r+", encoding="utf-8") as file:
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait is None:
                raise Busy(what, _holder(path)) from None
            wait(f"{what} is in use by {_holder(path)}; waiting")
            fcntl.flock(file, how)
        _write(file.fileno(), json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started_utc": now_utc()}))
        try:
            yield
        finally:
            _write(file.fileno(), "")


def device_lock(device: str) -> Path:
    """The lock file of a device on this machine."""
    folder = Path(os.environ.get(FOLDER_VARIABLE) or tempfile.gettempdir())
    return folder / f"rnnbench-{_hardware(device).replace(':', '-').replace('/', '-')}.lock"


def _hardware(device: str) -> str:
    """A device's name as the hardware: cuda means cuda:0, and CUDA_VISIBLE_DEVICES decides which GPU that is."""
    kind, _, index = device.partition(":")
    if kind != "cuda":
        return device
    number = int(index) if index.isdigit() else 0
    try:
        return f"{kind}:{named(number, os.environ.get('CUDA_VISIBLE_DEVICES'))}"
    except LookupError:
        return f"{kind}:{number}"


def _open(path: Path) -> int:
    """Open the lock file, without O_CREAT if it exists: kernels forbid that for another user's file in a shared folder."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            descriptor = os.open(path, flags | os.O_CREAT, 0o666)
            os.fchmod(descriptor, 0o666)  # other users' runs must be able to lock it too
            return descriptor
    except OSError as error:
        raise CannotWrite(path, f"{error.strerror or error} (a lock; {FOLDER_VARIABLE} names another folder for devices')") from None


def _write(descriptor: int, text: str) -> None:
    """Write the holder's name into the file. On a full disk the name is missing, but the lock holds."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _holder(path: Path) -> str:
    """The holder in words: process, host and start time."""
    try:
        found = json.loads(text(path, LARGEST_HOLDER_BYTES))
        return f"process {found['pid']} on {found['host']} since {found['started_utc']}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "another process"
