"""Everything checked before the first case: suites, axes, plugins, device, variants, and what is left of a run."""

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.choose import parse_set, selector
from rnnbench.errors import BadExpression, BadValue, UnknownName, UsageError
from rnnbench.journal import new_run_id, now_utc
from rnnbench.measure.commit import commit
from rnnbench.own_lengths import SUFFIX
from rnnbench.record import Run
from rnnbench.runs import catalog
from rnnbench.runs.executor import Executor
from rnnbench.runs.executors import executor_of
from rnnbench.runs.plan import ISOLATIONS, Plan, repeated
from rnnbench.runs.processes.client import Event
from rnnbench.runs.request import Request
from rnnbench.runs.resume import Differs, Left, as_before, differences, left_of
from rnnbench.runs.since import Narrowed, narrowed
from rnnbench.scratch import scratch


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that can be carried out: the run to write, its plan, and an executor that has already started.

    `left` is the run to resume, and `resumed` the entry that its file gets; `notes` are added to each record. `remarks` say what
    `--set` did to suites of several grids.
    """

    request: Request
    plan: Plan
    device: str
    run: Run
    folder: Path
    done: frozenset[tuple[str, int]]
    notes: tuple[str, ...]
    executor: Executor
    left: Left | None
    resumed: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


@contextmanager
def prepared(request: Request) -> Iterator[Prepared]:
    """Check a request and start its executor. Writes nothing. Raises UsageError or another RnnbenchError."""
    _check_words(request)
    left = left_of(request.resume, request.results) if request.resume else None
    request = as_before(request, left) if left else request
    found = tuple(catalog.find(name) for name in request.suites)
    if not request.plugins and not any(
        one.own for one in found
    ):  # plugins may declare axes; without them, a misspelt axis is refused before a process starts
        parse_set(request.sets)
        selector(request.select)
    budget = Budget.of(request.preset, request.budget)

    with (  # Ctrl-C at any point leaves neither a folder nor a process behind
        scratch() as place,
        closing(executor_of(request, place)) as executor,
    ):
        plugins = catalog.plugins_of(found, request.plugins)
        survey = executor.survey(request, plugins, place)
        found = catalog.with_axes(found, survey, request.sets)
        remarks: tuple[str, ...] = ()
        less: Narrowed | None = None
        if left:
            tasks = left.tasks
        else:
            cases, remarks = catalog.chosen(
                [one.suite for one in found], survey["device"], request.preset, request.sets, request.select, survey
            )
            cases = request.adjust.applied(cases, plugins) if request.adjust else cases
            if request.since is not None and not request.every_case and cases:
                less = narrowed(cases, request.since, found, plugins, survey, request.results)
                cases, remarks = less.kept, (*remarks, less.sentence())
            tasks = repeated(cases, request.processes, request.isolation, seed=random.SystemRandom().randrange(2**32))
        _check_cases([case for case, _ in tasks], survey, request)
        plan = Plan(found, tasks, budget, plugins, request.isolation, request.skip_oversize)
        run = left.run if left else _new_run(request, plan, survey, executor, less)
        resumed, notes = _resumption(left, survey, request, executor) if left else ({}, ())
        folder = left.folder if left else request.results / run.id
        done = frozenset(left.done) if left else frozenset()
        yield Prepared(request, plan, survey["device"], run, folder, done, notes, executor, left, resumed, remarks)


def _check_words(request: Request) -> None:
    if not request.suites and not request.resume:
        raise UsageError(f"name a suite with --suite (available: {', '.join(catalog.shipped())}), or a run with --resume")
    if request.resume and request.since is not None:
        raise UsageError("--since applies to new runs; a run that goes on keeps the cases it started with")
    if request.isolation not in ISOLATIONS:
        raise UnknownName("isolation", request.isolation, ISOLATIONS)
    for option, limit_s in (("--case-timeout", request.case_timeout_s), ("--max-time", request.max_time_s)):
        if limit_s is not None and not limit_s > 0:  # nan too
            raise BadValue(option, limit_s, "a number of seconds above 0")
    if request.pin is not None:
        usable = os.sched_getaffinity(0)
        try:
            wanted = {int(word) for word in request.pin.split(",")}
        except ValueError:
            raise BadExpression("--pin", request.pin, "write CPU numbers, for instance --pin 0,1") from None
        if not wanted <= usable:
            raise BadExpression("--pin", request.pin, f"this process may use CPUs {', '.join(map(str, sorted(usable)))}")


def _resumption(left: Left, survey: Event, request: Request, executor: Executor) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The run's entry about its resumption, and the notes for each further record. Raises Differs."""
    unlike = differences(left, executor.identity(left.run.machine), executor.identity(survey["machine"]), commit(Path.cwd()))
    if unlike and not request.resume_anyway:
        raise Differs(unlike)
    entry = {"at_utc": now_utc(), "command": list(request.command), "differs": unlike}
    return entry, ((f"resumed on a different machine or code: {unlike}",) if unlike else ())


def _new_run(request: Request, plan: Plan, survey: Event, executor: Executor, less: Narrowed | None) -> Run:
    suites = tuple(one.suite for one in plan.found)
    arguments: Mapping[str, Any] = {
        "command": list(request.command),
        "device": survey["device"],
        "preset": request.preset,
        "set": list(request.sets),
        "select": request.select,
        "plugins": list(plan.plugins),
        "budget": plan.budget.as_dict(),
        "isolation": plan.isolation,
        "processes": request.processes,
        "case_timeout_s": request.case_timeout_s,
        "max_time_s": request.max_time_s,
        "skip_oversize": request.skip_oversize,
        "memory_limit_bytes": request.memory_limit_bytes,
        "threads": request.threads,
        "pin": request.pin,
        **({"since": less.about()} if less else {}),
        **executor.arguments(),
        **({request.adjust.name: request.adjust.about([task.case for task in plan.tasks])} if request.adjust else {}),
    }
    return Run(
        id=new_run_id(suites[0].name if len(suites) == 1 else "suites"),
        suites=tuple(suite.about() for suite in suites),
        arguments=arguments,
        machine=survey["machine"],
        commit=commit(Path.cwd()),
        started_utc=now_utc(),
        planned=tuple({"case": case.as_dict(), "process": process} for case, process in plan.tasks),
    )


def _check_cases(cases: Sequence[Case], survey: Event, request: Request) -> None:
    """Check names that only the measuring process knows: variants, tasks and lengths. Raises UsageError."""
    names = {"variant": [one["name"] for one in survey["variants"]], "task": list(survey["tasks"])}
    names |= {"lengths": [*survey["lengths"], f"FILE{SUFFIX}"]} if "lengths" in survey else {}  # an older revision in a duet knows none
    for axis, known in names.items():
        for case in cases:
            if (value := getattr(case, axis)) is not None and value not in known:
                raise UnknownName(axis, value, known)
    if not cases:
        chosen = f" after --select {request.select!r}" if request.select else ""
        raise UsageError(f"no case is left{chosen}; list them with: rnnbench run --suite {request.suites[0]} --dry-run")
