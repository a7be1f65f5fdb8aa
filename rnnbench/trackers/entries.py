"""What is sent: the same for every tracker."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from rnnbench.analysis.frames import Loaded
from rnnbench.errors import UsageError
from rnnbench.gate.formats.exports import bounds, rows, selected
from rnnbench.gate.match import at_path
from rnnbench.gate.policy import known_metric
from rnnbench.gate.side import side_of_run
from rnnbench.gate.timeline import machine_of
from rnnbench.record import Point
from rnnbench.reports.file_names import safe_name

CURVE = ("training_s", "loss", "validation_quality")
"""The series of a learning curve, by training step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One case. `axes` holds those that apply; `metrics` medians over processes, with `…_low` and `…_high` where there is an interval.

    `curves` is process → points, for trainings only.
    """

    case: str
    axes: Mapping[str, str | int | float | bool]
    status: str
    reason: str
    metrics: Mapping[str, float]
    curves: Mapping[int, Sequence[Point]] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def measured(self) -> bool:
        """Whether any process of it ended well."""
        return self.status == "ok"

    def series(self) -> Iterator[tuple[str, int, float]]:
        """Name, training step and value of every point; a second process's names begin with `process_1/`."""
        for process, points in self.curves.items():
            prefix = f"process_{process}/" if process else ""
            for step, *values in points:
                yield from ((prefix + name, step, value) for name, value in zip(CURVE, values, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A run's cases, and what all of them share: `tags` are texts by name. `run` is its id, fit for file names and queries."""

    run: str
    tags: Mapping[str, str]
    entries: Sequence[Entry]


class Outcome(NamedTuple):
    """How many cases were sent, how many the tracker had already, and where they are."""

    sent: int
    there: int
    where: str


def sending(loaded: Loaded, metrics: Sequence[str] = (), select: str = "") -> Sending:
    """A run, reduced to some metrics and to the cases that a `--select` expression keeps.

    Cases without figures are sent with their status and reason. Raises UnknownName and UsageError as an export does."""
    for name in metrics:
        known_metric(name)
    side = selected(side_of_run(loaded), select)
    figures: dict[str, dict[str, float]] = {name: {} for name in side.cases}
    for name, metric, values in rows(side, metrics):
        within = bounds(metric, values)
        ends = {f"{metric}_low": within.low, f"{metric}_high": within.high} if within else {}
        figures[name] |= {metric: median(values), **ends}
    if not side.cases or ((metrics or select) and not any(figures.values())):
        raise UsageError(f"nothing of {side.label!r} is left to send: {len(side.cases)} of its cases are selected, without figures")
    records = loaded.run.by_case()
    entries = [
        Entry(
            case=name,
            axes={axis: value for axis, value in (one.axes or {}).items() if isinstance(value, str | int | float | bool)},
            status=one.status,
            reason=one.reason,
            metrics=figures[name],
            curves={record.process: record.curve for record in records[name] if record.curve},
            notes=tuple(dict.fromkeys(note for record in records[name] for note in record.notes)),
        )
        for name, one in side.cases.items()
    ]
    run = safe_name(side.label)
    tags = {
        "run": run,
        "started_utc": side.taken_utc,
        "commit": side.commit.get("hash"),
        "machine": machine_of(side),
        "torch": at_path(side.machine, "torch.version"),
        **{name: value for name, value in side.conditions.items() if isinstance(value, str | int | float | bool)},
    }
    return Sending(run=run, tags={name: str(value) for name, value in tags.items() if value not in (None, "")}, entries=entries)
