"""Tuning in two rounds: every trial trains a quarter of the steps, and the better quarter of them trains all (successive halving).

The rule is the same for every setting, so that each gets the same budget. A short round favours what learns fast; that is its price.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from rnnbench import __version__
from rnnbench.case import Case
from rnnbench.errors import EXIT_INTERRUPTED, BadValue, RnnbenchError, Unsupported, UsageError
from rnnbench.journal import now_utc
from rnnbench.record import Record
from rnnbench.runs.conduct import Watcher, conduct
from rnnbench.runs.prepare import Prepared, prepared
from rnnbench.runs.request import Request
from rnnbench.runs.tuning.settings import AXES_TUNED, full_steps, load_plugins, setting_of, tunable, version_of
from rnnbench.runs.tuning.space import Space, Values

SHARE = 4  # the first round trains a quarter of the steps, and a quarter of the trials goes on
FEWEST_KEPT = 2
Key = tuple[str, tuple[Any, ...]]
Watching = Callable[[Prepared], AbstractContextManager[Watcher]]


class Interrupted(RnnbenchError):
    """Tuning was stopped, and nothing was chosen."""

    exit_code = EXIT_INTERRUPTED


@dataclass(slots=True)
class Trials:
    """One round: which points each setting is trained at, and at what share of its steps. Notes what it meets."""

    points: Sequence[Values]
    seeds: tuple[int, ...]
    divisor: int
    kept: Mapping[str, Sequence[Values]] | None = None
    name: str = "tuning"
    steps: dict[str, int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    def applied(self, cases: Sequence[Case], plugins: Sequence[str] = ()) -> tuple[Case, ...]:
        """The trials of these cases' settings. Raises UsageError for a task without a validation split."""
        load_plugins(plugins)
        found: dict[str, Case] = {}
        known: dict[tuple[str, int], str] = {}
        for case in cases:
            name = setting_of(case)
            if why := tunable(case):
                self.left_out[str(case).partition("/")[2]] = why
            elif name not in found and name not in self.left_out:
                try:
                    key = case.task, case.seq_len
                    known[key] = known.get(key) or version_of(case)
                except Unsupported as error:
                    self.left_out[name] = str(error)
                else:
                    found[name], self.versions[name], self.steps[name] = case, known[key], full_steps(case)
        if not found:
            raise UsageError(f"nothing here can be tuned: {next(iter(self.left_out.values()), 'there is no case')}")
        return tuple(trial for name, case in found.items() for trial in self._trials(name, case))

    def _trials(self, name: str, case: Case) -> Iterator[Case]:
        points = self.points if self.kept is None else self.kept.get(name, ())
        steps = max(1, self.steps[name] // self.divisor)
        for values in points:
            for seed in self.seeds:
                trial = replace(case, **values, seed=seed, max_steps=steps)
                self.owners[str(trial)] = name
                yield trial

    def about(self, cases: Sequence[Case]) -> dict[str, Any]:
        """What run.json says."""
        return {"share_of_steps": 1 / self.divisor, "seeds": list(self.seeds), "trials": len(cases)}


def check(trials: int, seeds: Sequence[int]) -> None:
    """Raise BadValue for fewer than two trials, or seeds that repeat."""
    if trials < 2:
        raise BadValue("--trials", trials, "2 or more, so that there is a choice")
    if len(set(seeds)) < len(seeds):
        raise BadValue("--seeds", ",".join(map(str, seeds)), "seeds that differ: a repeated seed is the same training again")


def tune(request: Request, space: Space, trials: int, seeds: tuple[int, ...], draw: int, watching: Watching) -> dict[str, Any]:
    """Both rounds, and the content of a tuning file. Raises Interrupted."""
    check(trials, seeds)
    points = space.points(trials, draw)
    kept = max(FEWEST_KEPT, math.ceil(trials / SHARE))
    halving = kept < trials
    first = Trials(points, seeds, SHARE if halving else 1)
    records, runs = _round(request, first, watching)
    trained, spent = errors(records, first.owners), _steps(records)
    settled = trained
    if halving and trained:
        best = {name: [values for values, _ in ranked(trained, name, points)][:kept] for name in first.versions}
        second = Trials(points, seeds, 1, kept=best)
        records, more = _round(request, second, watching)
        settled, spent, runs = errors(records, second.owners), spent + _steps(records), runs + more
    chosen, left_out = {}, dict(first.left_out)
    for name, version in first.versions.items():
        rows = ranked(settled, name, points)
        if rows and math.isfinite(rows[0][1]):
            values, error = rows[0]
            chosen[name] = {**values, "validation_error": error, "task_version": version, "trials": trials}
        else:
            left_out[name] = "no trial of it ended well"
    whole = sum(first.steps.values()) * trials * len(seeds)
    return {
        "rnnbench": __version__,
        "made_utc": now_utc(),
        "command": list(request.command),
        "runs": runs,
        "space": space.as_dict(),
        "trials": trials,
        "seeds": list(seeds),
        "draw": draw,
        "rule": f"all trials train 1/{SHARE} of the steps, the best {kept} train all" if halving else "all trials train all steps",
        "steps": {"trained": spent, "without_halving": whole, "saved_share": round(1 - spent / whole, 4) if whole else 0.0},
        "cases": chosen,
        "not_tuned": left_out,
    }


def errors(records: Sequence[Record], owners: Mapping[str, str]) -> dict[Key, float]:
    """The median over seeds of each trial's error on the validation split; infinite where a seed diverged."""
    found: dict[Key, list[float]] = {}
    for record in records:
        key = owners[str(record.case)], tuple(getattr(record.case, name) for name in AXES_TUNED)
        if record.status == "diverged":
            found.setdefault(key, []).append(math.inf)
        elif "validation_error" in record.metrics:
            found.setdefault(key, []).append(record.metrics["validation_error"])
    return {key: median(values) for key, values in found.items()}


def ranked(found: Mapping[Key, float], name: str, points: Sequence[Values]) -> list[tuple[Values, float]]:
    """The points that a setting was trained at, the best first; of equal ones the first drawn."""
    rows = [(values, found[key]) for values in points if (key := (name, tuple(values[one] for one in AXES_TUNED))) in found]
    return sorted(rows, key=lambda row: row[1])


def _steps(records: Sequence[Record]) -> int:
    return int(sum(record.metrics.get("training_steps", 0) for record in records))


def _round(request: Request, trials: Trials, watching: Watching) -> tuple[tuple[Record, ...], list[str]]:
    with prepared(replace(request, adjust=trials)) as ready, watching(ready) as watcher:
        finished = conduct(ready, watcher)
    if finished.run.interrupted:
        raise Interrupted("tuning was interrupted: nothing was chosen, and no file was written")
    return tuple(finished.run.records), [finished.run.id]
