"""Baselines: a run's results, small enough to commit and to read in a diff (`results/baselines/NAME.json`)."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnbench.bounded import parsed
from rnnbench.case import Case
from rnnbench.errors import BadResults, BadValue, RnnbenchError, UnknownName
from rnnbench.gate.side import Observed, Side
from rnnbench.record import METRICS, STATUSES

# History of the file format:
# 1  first form
BASELINE_SCHEMA = 1
_FOLDER = "baselines"
_TRAINED = ("steps_to_target", "training_steps", "test_error")
_KEPT = (
    "step_time_s",
    "peak_allocated_bytes",
    "peak_reserved_bytes",
    *_TRAINED,
    *(name for name, one in METRICS.items() if one.deterministic),
)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def baseline_path(results: Path, name: str) -> Path:
    """Where a baseline lies; raises for a name that no file should have."""
    if not _NAME.fullmatch(name):
        raise BadValue("baseline", name, "a name of letters, digits, _ . -")
    return results / _FOLDER / f"{name}.json"


def names(results: Path) -> list[str]:
    """The baselines of a results folder."""
    return sorted(path.stem for path in (results / _FOLDER).glob("*.json"))


def baseline_text(side: Side, *, exact_only: bool = False) -> str:
    """A side as the text of a baseline: a case is an object of a few lines, keys in a fixed order, so that diffs can be read.

    With `exact_only` sampled figures are left out: such a baseline is the same on every machine and every day."""
    kept = [name for name in _KEPT if not exact_only or METRICS[name].deterministic]
    head = {
        "schema": BASELINE_SCHEMA,
        "from": side.label,
        "taken_utc": side.taken_utc,
        "commit": dict(side.commit),
        "conditions": {} if exact_only else dict(side.conditions),
        "machine": {name: side.machine[name] for name in ("python", "torch") if name in side.machine} if exact_only else dict(side.machine),
    }
    cases = {name: _case(one, kept) for name, one in sorted(side.cases.items())}
    rows = ",\n".join(f" {json.dumps(name)}: {_lines(case)}" for name, case in cases.items())
    return json.dumps(head, indent=1, sort_keys=False)[:-2] + f',\n "cases": {{\n{rows}\n }}\n}}\n'


def _case(one: Observed, kept: list[str]) -> dict[str, Any]:
    exact = {name: next(iter(one.values[name].values())) for name in kept if METRICS[name].deterministic and _single(one, name)}
    sampled = {
        name: {str(process): float(f"{value:.6g}") for process, value in sorted(one.values[name].items())}
        for name in kept
        if name in one.values and name not in exact
    }
    return {"status": one.status, **({"reason": one.reason} if one.reason else {}), "axes": one.axes, "exact": exact, "sampled": sampled}


def _single(one: Observed, name: str) -> bool:
    return len(set(one.values.get(name, {}).values())) == 1


def _lines(case: Mapping[str, Any]) -> str:
    """One line a key, what is empty left out."""
    parts = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in case.items() if value not in ({}, None))
    return f"{{\n{parts}\n }}"


def read_baseline(results: Path, name: str) -> Side:
    """The side that a baseline states. Raises UnknownName with those that there are, BadResults with what is wrong."""
    path = baseline_path(results, name)
    if not path.is_file():
        raise UnknownName("baseline", name, names(results))
    return read_baseline_file(path)


def read_baseline_file(path: Path) -> Side:
    """The side that a baseline's file states."""
    try:
        data = parsed(path)
    except (OSError, ValueError) as error:
        raise BadResults(path, f"not JSON ({error})") from None
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise BadResults(path, "it states no schema")
    if data["schema"] != BASELINE_SCHEMA:
        raise BadResults(path, f"it has schema {data['schema']}, this rnnbench reads {BASELINE_SCHEMA}: save it anew")
    try:
        return Side(
            label=f"baseline:{path.stem}",
            kind="baseline",
            cases={str(key): _observed(str(key), case) for key, case in data["cases"].items()},
            machine=dict(data.get("machine", {})),
            conditions=dict(data.get("conditions", {})),
            commit=dict(data.get("commit", {})),
            taken_utc=str(data.get("taken_utc", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RnnbenchError) as error:
        raise BadResults(path, f"not a baseline ({type(error).__name__}: {error})") from None


def _observed(name: str, case: Mapping[str, Any]) -> Observed:
    if case["status"] not in STATUSES:
        raise ValueError(f"unknown status {case['status']!r}")
    axes = case.get("axes")
    sampled = {
        str(metric): {int(process): _finite(value) for process, value in values.items()}
        for metric, values in case.get("sampled", {}).items()
        if values
    }
    exact = {str(metric): {0: _finite(value)} for metric, value in case.get("exact", {}).items()}
    return Observed(
        id=str(Case.from_dict(axes)) if axes else name,
        status=case["status"],
        reason=str(case.get("reason", "")),
        axes=axes,
        values={**exact, **sampled},
        processes=max([len(values) for values in sampled.values()], default=1),
    )


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return value
