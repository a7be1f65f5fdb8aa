"""The record of a case that ended, and the status for each exception."""

import re
import traceback
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rnnbench.case import Case
from rnnbench.device.memory_limits import free_bytes
from rnnbench.errors import Diverged, UnknownName, Unsupported
from rnnbench.journal import now_utc
from rnnbench.record import METRICS, Record

if TYPE_CHECKING:
    from rnnbench.measure.measuring import Measurement

_UNITS = {"bytes": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_OOM_WORDS = re.compile(r"out of memory|can't allocate memory|cannot allocate memory|std::bad_alloc|\bMemoryError\b", re.IGNORECASE)


def record_of(case: Case, process: int, measured: "Measurement | None", error: BaseException | None, started_utc: str, pid: int) -> Record:
    """The record of a case that was measured or that raised. The full traceback is printed, so that it is in the process's log."""
    blank = partial(Record, case=case, process=process, pid=pid, started_utc=started_utc, finished_utc=now_utc())
    if error is not None:
        status, reason = status_of(error)
        if status != "unsupported":
            traceback.print_exception(error)
        ended = blank(status=status, reason=reason, **_until(status, error, measured))
        traceback.clear_frames(error.__traceback__)  # what they hold is needed to tell the tale
        return ended
    if measured is None:
        return blank(status="failed", reason="the suite's function did not call measure()")
    if odd := [name for name in measured.metrics if name not in METRICS]:
        return blank(status="failed", reason=str(UnknownName("metric", odd[0], METRICS)))
    return blank(
        status="ok",
        times_s=measured.times_s,
        beside=measured.beside,
        beside_times_s=measured.beside_times_s,
        device_times_s=measured.device_times_s,
        metrics=measured.metrics,
        absent=measured.absent,
        curve=tuple(measured.curve),
        notes=tuple(measured.notes),
        kernels=measured.kernels,
        types=measured.types,
    )


def _until(status: str, error: BaseException, measured: "Measurement | None") -> dict[str, Any]:
    """The figures of a case that was not fully measured: memory, or the training until it diverged."""
    if status == "oom":
        return {"metrics": _bytes(error)}
    if status != "diverged" or measured is None:
        return {}
    kept = {"metrics": measured.metrics, "absent": measured.absent, "notes": tuple(measured.notes)}
    return {**kept, "curve": tuple(measured.curve)}


def status_of(error: BaseException) -> tuple[str, str]:
    """Status and one-line reason of an exception."""
    for status, is_it in _STATUS_TABLE:
        if is_it(error):
            return status, str(error) if status in ("unsupported", "diverged") else last_line(error)
    return "failed", last_line(error)


def last_line(error: BaseException) -> str:
    """The last line of the traceback: type and message."""
    lines = "".join(traceback.format_exception_only(error)).strip().splitlines()
    return (lines[0] if len(lines) == 1 else " ".join(line.strip() for line in lines[:3]))[:500]


def _bytes(error: BaseException) -> dict[str, float]:
    """Requested and available bytes, if the allocator's message or the machine states them."""
    text = str(error)
    found: dict[str, float] = {"available_bytes": float(free_bytes())}
    if requested := re.search(r"(?:tried to allocate|allocate) (\d+(?:\.\d+)?) (bytes|[KMGT]iB)", text, re.IGNORECASE):
        found["requested_bytes"] = float(requested[1]) * _UNITS[requested[2].lower()]
    if free := re.search(r"of which (\d+(?:\.\d+)?) ([KMGT]iB|bytes) is free", text):
        found["available_bytes"] = float(free[1]) * _UNITS[free[2].lower()]
    return found


def _is_oom(error: BaseException) -> bool:
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and speaks_of_memory(str(error))


def speaks_of_memory(text: str) -> bool:
    """Whether an error message of an allocator, torch or C++ says that memory ran out."""
    return bool(_OOM_WORDS.search(text))


_STATUS_TABLE: tuple[tuple[str, Callable[[BaseException], bool]], ...] = (
    ("unsupported", lambda error: isinstance(error, Unsupported)),
    ("diverged", lambda error: isinstance(error, Diverged)),
    ("oom", _is_oom),
)
