"""A run from first to last: prepare (suites, machine, plan), conduct (a process for each case), finish (exports)."""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.choose import parse_set, selector
from rnnbench.errors import UnknownName, UsageError
from rnnbench.journal import Journal, new_run_id, now_utc
from rnnbench.measure.commit import commit
from rnnbench.record import Record, Run
from rnnbench.runs import catalog
from rnnbench.runs.client import Event, ForkServer
from rnnbench.runs.export import benchmark_json
from rnnbench.runs.plan import Plan, repeated
from rnnbench.runs.supervisor import Limits, Supervisor

SERVER_LOG = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user asked for, as it was written."""

    suites: tuple[str, ...]
    device: str | None = None
    preset: str = "standard"
    sets: tuple[str, ...] = ()
    select: str = ""
    plugins: tuple[str, ...] = ()
    results: Path = Path("results")
    budget: Mapping[str, Any] = field(default_factory=dict)
    isolation: str = "process"
    processes: int = 1
    case_timeout_s: float = 300.0
    threads: int | None = None
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that can be carried out: the plan, and the machine that will do it."""

    request: Request
    plan: Plan
    device: str
    machine: Mapping[str, Any]
    start: Callable[[Path], ForkServer]
    server: ForkServer


class Watcher(Protocol):
    """Who is told how a run goes on."""

    def begin(self, case: Case, process: int) -> None:
        """A case begins."""

    def end(self, record: Record) -> None:
        """A case has ended and its record is on disk."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended, and where it lies."""

    run: Run
    folder: Path


@contextmanager
def prepared(request: Request) -> Iterator[Prepared]:
    """Check everything that can be checked before the first case: suites, axes, plugins, device, variants. Writes nothing."""
    overrides, keep = parse_set(request.sets), selector(request.select)
    budget = Budget.of(request.preset, request.budget)
    found = tuple(catalog.find(name) for name in request.suites)
    environment = {"OMP_NUM_THREADS": str(request.threads), "MKL_NUM_THREADS": str(request.threads)} if request.threads else {}
    scratch = Path(tempfile.mkdtemp(prefix="rnnbench-"))

    def start(log: Path) -> ForkServer:
        return ForkServer(log, environment=environment)

    server = start(scratch / "server.log")
    try:
        survey = server.ask("survey", {"device": request.device, "plugins": _absolute(request.plugins)}, scratch / "survey.log")
        device = survey["device"]
        cases = [case for one in found for case in one.suite.expand(device, request.preset, overrides, keep)]
        _check(cases, survey, request)
        tasks = repeated(cases, request.processes, request.isolation, seed=random.SystemRandom().randrange(2**32))
        plan = Plan(found, tasks, budget, _absolute(request.plugins), request.isolation)
        yield Prepared(request, plan, device, survey["machine"], start, server)
    finally:
        server.close()
        shutil.rmtree(scratch, ignore_errors=True)


def conduct(ready: Prepared, watcher: Watcher) -> Finished:
    """Measure every case of the plan; a record is on disk before the next begins. Ctrl-C ends it early, with all that is done."""
    run = _new_run(ready)
    journal = Journal(ready.request.results, run)
    records: list[Record] = []
    first = [ready.server]
    supervisor = Supervisor(
        start=lambda: first.pop() if first else ready.start(journal.log_path(SERVER_LOG)),
        log_path=journal.log_path,
        limits=Limits(ready.request.case_timeout_s),
        watch=watcher.begin,
    )
    interrupted = False
    try:
        for job in ready.plan.jobs():
            for record in supervisor.run(job):
                journal.append(record)
                records.append(record)
                watcher.end(record)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        supervisor.close()
        run = replace(run, finished_utc=now_utc(), interrupted=interrupted, records=tuple(records))
        journal.write_run(run)
        journal.write_benchmark(benchmark_json(run))
    return Finished(run, journal.folder)


def _new_run(ready: Prepared) -> Run:
    request, plan = ready.request, ready.plan
    suites = tuple(one.suite for one in plan.found)
    asked = {
        "command": list(request.command),
        "device": ready.device,
        "preset": request.preset,
        "set": list(request.sets),
        "select": request.select,
        "plugins": list(plan.plugins),
        "budget": plan.budget.as_dict(),
        "isolation": plan.isolation,
        "processes": request.processes,
        "case_timeout_s": request.case_timeout_s,
        "threads": request.threads,
        "suite_paths": {one.suite.name: str(one.path) for one in plan.found},
    }
    return Run(
        id=new_run_id(suites[0].name if len(suites) == 1 else "suites"),
        suites=tuple(suite.about() for suite in suites),
        arguments=asked,
        machine=ready.machine,
        commit=commit(Path.cwd()),
        started_utc=now_utc(),
        planned=tuple({"case": case.as_dict(), "process": process} for case, process in plan.tasks),
    )


def _absolute(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(Path(path).expanduser().resolve()) for path in paths)


def _check(cases: Sequence[Case], survey: Event, request: Request) -> None:
    """Names that only the measuring process knows."""
    for axis, known in (("variant", [one["name"] for one in survey["variants"]]), ("task", list(survey["tasks"]))):
        for case in cases:
            if getattr(case, axis) not in known:
                raise UnknownName(axis, getattr(case, axis), known)
    if not cases:
        chosen = f" that --select {request.select!r} holds for" if request.select else ""
        raise UsageError(f"no case is left{chosen}; see what there is with: rnnbench run --suite {request.suites[0]} --dry-run")
