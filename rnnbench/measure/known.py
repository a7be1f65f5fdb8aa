"""Ceilings that were measured before, by machine: a file in the results folder. No torch here: the supervisor reads it too."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rnnbench.journal import replace_whole
from rnnbench.roofline import Ceilings

CACHE = ".ceilings.json"
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
    told = [_at(machine, path) for path in _TELLING]
    return hashlib.blake2b(json.dumps([device, pin, told], sort_keys=True, default=str).encode(), digest_size=8).hexdigest()


def ceilings_of(results: Path, key: str, measure: Callable[[], Ceilings]) -> Ceilings:
    """As measured before in this results folder, else measured now and kept."""
    known = _read(results / CACHE)
    try:
        return Ceilings.from_dict(known[key])
    except (KeyError, TypeError, ValueError, AttributeError):
        return keep(results, key, measure())


def keep(results: Path, key: str, found: Ceilings) -> Ceilings:
    """Remember the ceilings of a machine, where the folder can be written."""
    known = {**_read(results / CACHE), key: found.as_dict()}
    try:
        replace_whole(results / CACHE, json.dumps(known, indent=1).encode() + b"\n")
    except OSError:
        return found  # a run without a cache measures again next time
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _at(table: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        table = table.get(name) if isinstance(table, Mapping) else None
    return table
