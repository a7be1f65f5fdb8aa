"""Cache of what is known about a machine: its ceilings, and the smallest change an A/A trial could detect.

No torch here: the supervisor and `rnnbench compare` read them too.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rnnbench.bounded import text
from rnnbench.journal import replace_whole
from rnnbench.record import Record
from rnnbench.roofline import Ceilings, placed

CEILINGS = "ceilings"  # among what run.json knows of its machine
CACHE = ".ceilings.json"
METHOD = 2  # of measuring ceilings: what was measured by another is measured again
TRIAL = ".doctor.json"
"""By machine key: `rnnbench doctor`'s last A/A trial, with device, at_utc, seconds, pairs, alpha, power and detectable_ratio (or none)."""
_TELLING = (
    ("hostname",),
    ("cpu", "model"),
    ("cpu", "usable"),
    ("container", "cpu_limit"),
    ("gpus",),
    ("torch", "version"),
    ("torch", "threads"),
    ("torch", "cudnn"),
)
"""What of a machine's fingerprint decides how fast it can be."""


def machine_key(machine: Mapping[str, Any], device: str, pin: str | None = None) -> str:
    """One key for each device of each machine, and for each way of confining it."""
    told = [*(_at(machine, path) for path in _TELLING), METHOD]
    return hashlib.blake2b(json.dumps([device, pin, told], sort_keys=True, default=str).encode(), digest_size=8).hexdigest()


def ceilings_of(results: Path, key: str, measure: Callable[[], Ceilings], *, quiet: bool) -> Ceilings:
    """As measured before in this results folder, else measured now, and kept where the machine was quiet: a busy one's are too low."""
    if (known := ceilings_known(results, key)) is not None:
        return known
    return keep(results, key, measure()) if quiet else measure()


def ceilings_known(results: Path, key: str) -> Ceilings | None:
    """As measured before in this results folder, if they were."""
    try:
        return Ceilings.from_dict(_read(results / CACHE)[key])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def put_in_place(record: Record, machine: Mapping[str, object]) -> Record:
    """The record with its share of the machine's ceilings."""
    told = machine.get(CEILINGS)
    if not isinstance(told, Mapping) or "device" not in told:
        why = dict(told.get("absent", {})).get("all", "") if isinstance(told, Mapping) else ""
        return placed(record, None, why)
    return placed(record, Ceilings.from_dict(told))


def keep(results: Path, key: str, found: Ceilings) -> Ceilings:
    """Remember the ceilings of a machine, where the folder can be written."""
    _keep(results / CACHE, key, found.as_dict())  # a run without a cache measures again next time
    return found


def keep_trial(results: Path, key: str, told: Mapping[str, Any]) -> bool:
    """Remember a machine's A/A trial; whether that could be done."""
    return _keep(results / TRIAL, key, told)


def detectable_here(results: Path, machine: Mapping[str, Any], device: str, pin: str | None = None) -> float | None:
    """The smallest change that the last trial of this machine could have shown, as a share; none where there was no trial.

    `machine` is a run's fingerprint. A trial on other threads, limits or CPUs is another machine's.
    """
    found = _read(results / TRIAL).get(machine_key(machine, device, pin))
    ratio = found.get("detectable_ratio") if isinstance(found, dict) else None
    return float(ratio) if isinstance(ratio, int | float) and not isinstance(ratio, bool) and 0 < ratio < 1e9 else None


def _keep(path: Path, key: str, value: Mapping[str, Any]) -> bool:
    known = {**_read(path), key: value}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(path, json.dumps(known, indent=1).encode() + b"\n")
    except OSError:
        return False
    return True


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(text(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _at(table: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        table = table.get(name) if isinstance(table, Mapping) else None
    return table
