"""Shared by every foreign reader: values of the expected type or an error, time units, timestamps."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rnnbench.gate.side import Observed
from rnnbench.moments import in_utc

STEP = "step_time_s"
_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "usec", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), 1e-9),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
}
_COUNTED = ("iter", "iters", "iteration", "iterations", "op", "ops", "operation", "operations", "run", "runs", "call", "calls")
_MOST_NAMED = 5


class Misshapen(ValueError):
    """A file of a known format that is not whole. Its message says where and what was wanted."""


def table(value: Any, where: str) -> Mapping[str, Any]:
    """A JSON object. Raises Misshapen."""
    if not isinstance(value, Mapping):
        raise Misshapen(f"{where} is {_shown(value)}, not an object")
    return value


def rows(value: Any, where: str) -> Sequence[Any]:
    """A JSON array. Raises Misshapen."""
    if not isinstance(value, list):
        raise Misshapen(f"{where} is {_shown(value)}, not an array")
    return value


def number(value: Any, where: str) -> float:
    """A finite number. Raises Misshapen."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Misshapen(f"{where} is {_shown(value)}, not a number")
    try:
        found = float(value)
    except OverflowError:
        raise Misshapen(f"{where} is too large") from None
    if not math.isfinite(found):
        raise Misshapen(f"{where} is {value}, not a finite number")
    return found


def word(value: Any, where: str) -> str:
    """Text that is not empty. Raises Misshapen."""
    if not isinstance(value, str) or not value:
        raise Misshapen(f"{where} is {_shown(value)}, not a name")
    return value


def stated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is none, empty or said to be unknown."""
    return {name: value for name, value in values.items() if value not in (None, "", {}, "unknown", "Unknown", "unversioned")}


def whole(value: Any) -> int | None:
    """A count that may be written as text; none where it is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def seconds(value: float, unit: str) -> float | None:
    """Of a time, a time per iteration (ns/op) or a rate of iterations (iter/sec); none where the unit is no time's."""
    left, _, right = unit.strip().partition("/")
    if left in _SECONDS and (not right or right in _COUNTED):
        return value * _SECONDS[left]
    if left in _COUNTED and right in _SECONDS and value > 0:
        return _SECONDS[right] / value
    return None


def utc(value: Any) -> str:
    """A point in time as ISO text in UTC: from milliseconds since 1970, or from ISO text, which is in UTC where it states no zone."""
    try:
        found = datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int | float) else in_utc(str(value))
    except (ValueError, OverflowError, OSError):
        return ""
    return found.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z" if found else ""


def timed(name: str, values: Iterable[float], *, metric: str = STEP, **more: Any) -> Observed:
    """A case with a figure for each process."""
    found = dict(enumerate(values))
    return Observed(id=name, status="ok", values={metric: found}, processes=len(found), **more)


def left_out(names: Iterable[str], why: str) -> tuple[str, ...]:
    """A note that names what could not be read as one of our figures; none where nothing was left out."""
    found = list(dict.fromkeys(names))
    if not found:
        return ()
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return (f"left out, {why}: {', '.join(found[:_MOST_NAMED])}{more}",)


def _shown(value: Any) -> str:
    return repr(value)[:40] if value is not None else "absent"
