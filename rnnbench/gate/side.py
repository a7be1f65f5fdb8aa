"""One side of a comparison: the value of each metric, per case and process."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rnnbench.analysis.frames import Loaded
from rnnbench.record import METRICS, Record

# Arguments of a run that change what a step time means.
CONDITIONS = ("budget", "isolation", "threads", "pin", "machine_label", "share")

PLAN = ("stages", "alpha", "min_effect", "metrics", "overrides")
"""What of `arguments.duet` says how the duet is decided; runs from before that was written have none of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One case. `values` is metric → process → that process's one figure; `axes` is None where another tool measured it."""

    id: str
    status: str
    reason: str = ""
    axes: Mapping[str, Any] | None = None
    values: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    processes: int = 1
    lost: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """All cases of one measurement, and the machine. `aliases` maps a case to the base's case that it is compared with.

    `duet` is the id that both sides of a duet share, `plan` its plan as the run states it, `environment` the variables that this side
    alone was given. `left_out` are cases that `--since` did not measure because nothing that they rest on had changed, since `since`."""

    label: str
    kind: str
    cases: Mapping[str, Observed]
    machine: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    commit: Mapping[str, Any] = field(default_factory=dict)
    taken_utc: str = ""
    duet: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    since: str = ""
    notes: tuple[str, ...] = ()


def side_of_run(loaded: Loaded, label: str = "") -> Side:
    """A run's records, by case; of two records in one process slot the later counts."""
    run = loaded.run
    duet, since = (_mapping(run.arguments.get(name)) for name in ("duet", "since"))
    left_out = since.get("left_out")
    return Side(
        label=label or run.id,
        kind="run",
        cases={name: observed(records) for name, records in run.by_case().items()},
        machine=run.machine,
        conditions={name: run.arguments[name] for name in CONDITIONS if run.arguments.get(name) is not None},
        commit=run.commit,
        taken_utc=run.started_utc,
        duet=str(duet.get("id", "")),
        aliases=_mapping(duet.get("aliases")),
        plan={name: duet[name] for name in PLAN if name in duet},
        environment=_mapping(duet.get("environment")),
        left_out=frozenset(map(str, left_out)) if isinstance(left_out, list) else frozenset(),
        since=str(since.get("commit", ""))[:10],
        notes=(*(f"{damage}; set aside" for damage in loaded.damage), *(("interrupted before its end",) if run.interrupted else ())),
    )


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def observed(records: Sequence[Record]) -> Observed:
    """One case from its processes. It is `ok` where any process measured it; the others are counted as lost."""
    fine = [record for record in records if record.status == "ok"]
    values: dict[str, dict[int, float]] = {}
    for record in fine:
        for name, value in summary(record).items():
            values.setdefault(name, {})[record.process] = value
    lost = [record for record in records if record.status != "ok"]
    example = lost[0] if lost else records[0]
    return Observed(
        id=str(records[0].case),
        status="ok" if fine else Counter(record.status for record in lost).most_common(1)[0][0],
        reason=example.reason,
        axes=records[0].case.as_dict(),
        values=values,
        processes=len(fine),
        lost=len(lost),
        notes=tuple(_contended(fine)),
    )


def summary(record: Record) -> dict[str, float]:
    """A process's one figure for each metric: the step time is the median of its raw rounds."""
    known = {name: value for name, value in record.metrics.items() if name in METRICS}
    return {**known, **({"step_time_s": median(record.times_s)} if record.times_s else {})}


def usable(values: Iterable[float]) -> bool:
    """Whether logarithms can be taken of them."""
    return all(math.isfinite(value) and value > 0 for value in values)


def _contended(records: Sequence[Record]) -> Iterable[str]:
    count = sum(any(note.startswith("contended") for note in record.notes) for record in records)
    if count:
        yield f"{count} of {len(records)} processes were contended"
