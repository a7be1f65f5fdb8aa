"""The processes of a run: the order of the cases, their repeats, and the expected duration."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.errors import BadResults
from rnnbench.files import RECORDS_FILE, read_records
from rnnbench.measure.job import Job
from rnnbench.record import Record, Trial
from rnnbench.runs.catalog import Found

ISOLATIONS = ("process", "suite")
PROCESS_COST_S = 0.4  # fork, start of pytest, building the model
WARMUP_SHARE = 0.3
TRAINED_SHARE = 0.1  # share of its time limit that a training commonly takes
_RECENT_RUNS = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """Every task of a run, in the order of measurement."""

    found: tuple[Found, ...]
    tasks: tuple[Trial, ...]
    budget: Budget
    plugins: tuple[str, ...]
    isolation: str
    skip_oversize: bool = False

    def jobs(self, left: Sequence[Trial]) -> Iterator[Job]:
        """The jobs for the tasks in `left`, one process each: one case, or all cases of a suite if they share a process.
        A case that needs several processes never shares them."""
        paths = {found.suite.name: str(found.path) for found in self.found}
        alone = self.isolation == "process"
        for tasks in ([task] for task in left) if alone else (list(tasks) for _, tasks in groupby(left, key=_sharing)):
            yield Job(
                suite_path=paths[tasks[0].case.suite],
                tasks=tuple(tasks),
                budget=self.budget,
                plugins=self.plugins,
                skip_oversize=self.skip_oversize,
            )


def _sharing(task: Trial) -> tuple[object, ...]:
    """Consecutive tasks with equal keys share a process."""
    case, process = task
    return (case.suite, process, str(case) if case.processes > 1 else "")


def repeated(cases: Sequence[Case], processes: int, isolation: str, seed: int) -> tuple[Trial, ...]:
    """Each case in `processes` processes. Repeats are in random order, so that drift of the machine affects all cases alike."""
    if processes == 1:
        return tuple(Trial(case, 0) for case in cases)
    shuffled = random.Random(seed)
    rounds = [[Trial(case, process) for case in cases] for process in range(processes)]
    if isolation == "process":
        everything = [task for one in rounds for task in one]
        shuffled.shuffle(everything)
        return tuple(everything)
    for one in rounds:
        shuffled.shuffle(one)
    return tuple(sorted((task for one in rounds for task in one), key=lambda task: (task.process, task.case.suite)))


def expected_s(case: Case, budget: Budget, history: dict[str, float]) -> float:
    """Expected seconds of a case: its duration in `history` if known, otherwise an estimate from its budget."""
    allowed_s = budget.training_s * TRAINED_SHARE if case.phase == "converge" else budget.max_time_s * (1 + WARMUP_SHARE)
    return history.get(str(case), PROCESS_COST_S + allowed_s)


def past_durations_s(results: Path, budget: Budget) -> dict[str, float]:
    """Wall seconds by case id, from the newest runs in a results folder, without cases that measured much longer than this budget."""
    known: dict[str, float] = {}
    if not results.is_dir():
        return known
    for folder in sorted((one for one in results.iterdir() if one.is_dir()), reverse=True)[:_RECENT_RUNS]:
        try:
            records, _ = read_records(folder / RECORDS_FILE)
        except BadResults:
            continue
        for record in records:
            took = _took_s(record)
            if took is not None and record.metrics.get("measured_s", 0) <= budget.max_time_s * 1.5:
                known.setdefault(str(record.case), took + PROCESS_COST_S)
    return known


def _took_s(record: Record) -> float | None:
    from datetime import datetime

    try:
        span = datetime.fromisoformat(record.finished_utc) - datetime.fromisoformat(record.started_utc)
    except ValueError:
        return None
    return max(0.0, span.total_seconds())
