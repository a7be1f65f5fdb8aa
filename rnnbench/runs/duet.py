"""The pairs of a duet: two sides measured in fresh processes and in random order until a decision is made.

On a CPU, both processes of a pair exist at once and alternate every few rounds. On other devices, whose memory may not hold both, or if
one side has an older version, one process follows the other.
"""

import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rnnbench.applies import applies, declared_of
from rnnbench.budget import Budget
from rnnbench.case import AXES, Case
from rnnbench.choose import parse_set, selector
from rnnbench.device.machine_cache import put_in_place
from rnnbench.errors import UnknownName, UsageError
from rnnbench.files import read_run
from rnnbench.journal import Journal, new_run_id, now_utc
from rnnbench.measure.commit import commit
from rnnbench.measure.interleaving import TurnFiles
from rnnbench.measure.job import Job
from rnnbench.record import Record, Run, Trial
from rnnbench.runs import catalog
from rnnbench.runs.contender import CannotMeasure, Contender
from rnnbench.runs.lock import device_lock, held
from rnnbench.runs.machine import with_ceilings
from rnnbench.runs.processes.client import Event, ForkServer
from rnnbench.runs.processes.supervisor import Supervisor
from rnnbench.runs.request import Request, time_limit_s
from rnnbench.scratch import scratch

Pair = tuple[Case, Case]
Say = Callable[[str], None]


@dataclass(slots=True)
class Runner:
    """Measures one contender's cases, with its survey, suite files, run and supervisor."""

    contender: Contender
    survey: Event
    suite_paths: Mapping[str, str]
    plugins: tuple[str, ...]
    run: Run
    journal: Journal
    supervisor: Supervisor
    records: list[Record] = field(default_factory=list)
    over: bool = False  # the run was interrupted: a case that ends now gives no record

    def measure(self, case: Case, pair: int, budget: Budget, turn: Mapping[str, Any] | None = None) -> None:
        """Measure a case in a fresh process; its record is on disk when this returns. `turn` is the process's end of the interleaving."""
        tasks = (Trial(case, pair),)
        job = Job(suite_path=self.suite_paths[case.suite], tasks=tasks, budget=budget, plugins=self.plugins, turn=turn or {})
        try:
            for found in self.supervisor.run(job):
                if self.over:
                    return
                record = put_in_place(found, self.run.machine)
                self.journal.append(record)
                self.records.append(record)
        except (KeyError, TypeError) as error:
            raise CannotMeasure(self.contender.label, f"its rnnbench is an incompatible version ({error!r})") from None


class Duet:
    """Both sides, ready to measure. `base` runs A, `candidate` runs B; `pairs` are the matching cases."""

    def __init__(
        self, sides: tuple[Runner, Runner], pairs: Sequence[Pair], budget: Budget, seed: int, turn_files: TurnFiles | None = None
    ) -> None:
        """With `turn_files`, the two processes of a pair alternate between rounds; otherwise one follows the other."""
        self.sides = sides
        self._turn_files = turn_files
        self.pairs = tuple(pairs)
        self.began_s = time.monotonic()
        self._budget = budget
        self._coin = random.Random(seed)
        self._next = dict.fromkeys(self.pairs, 0)

    @property
    def processes(self) -> int:
        """Number of processes that have run, on both sides together."""
        return sum(len(side.records) for side in self.sides)

    def play(self, pairs: Sequence[Pair], times: int) -> None:
        """Run `times` more pairs of processes for each of these cases. The order of cases and of sides is random."""
        rounds = [pair for _ in range(times) for pair in pairs]
        self._coin.shuffle(rounds)
        for pair in rounds:
            number = self._next[pair]
            self._next[pair] += 1
            order = [0, 1]
            self._coin.shuffle(order)
            if self._turn_files is None:
                for which in order:
                    self.sides[which].measure(pair[which], number, self._budget)
            else:
                self._at_once(pair, number, order[0], self._turn_files)

    def _at_once(self, pair: Pair, number: int, first: int, turn_files: TurnFiles) -> None:
        """Run both processes at once, each watched by its own thread."""

        def follow(which: int) -> None:
            with turn_files.turn(which, first=which == first) as turn:
                self.sides[which].measure(pair[which], number, self._budget, turn)

        turn_files.clear()
        with ThreadPoolExecutor(len(self.sides)) as both:
            going = [both.submit(follow, which) for which in (first, 1 - first)]
            try:
                wait(going)
            except BaseException:
                for side in self.sides:
                    side.over = True
                    side.supervisor.close()  # ends its processes, and so the threads that watch them
                raise
        for one in going:
            one.result()

    def keep_only(self, case: str) -> None:
        """Keep only the pair of B's case `case`; call this before the first `play`. Raises UsageError if there is no such pair."""
        kept = tuple(pair for pair in self.pairs if str(pair[1]) == case)
        if not kept:
            raise UsageError(f"no pair is of case {case!r}")
        self.pairs = kept
        for index, side in enumerate(self.sides):
            planned = tuple({"case": pair[index].as_dict(), "process": 0} for pair in kept)
            side.run = replace(side.run, planned=planned)
            side.journal.write_run(side.run)

    def played(self, pair: Pair) -> int:
        """Number of pairs of processes measured for this pair of cases."""
        return self._next[pair]

    def runs(self) -> tuple[Run, Run]:
        """Both runs with the records so far."""
        a, b = (replace(side.run, records=tuple(side.records)) for side in self.sides)
        return a, b

    def finish(self, *, interrupted: bool) -> tuple[Path, Path]:
        """Close both runs; returns their folders."""
        for side in self.sides:
            side.supervisor.close()
            on_disk, _ = read_run(side.journal.folder)
            side.journal.write_run(replace(side.run, finished_utc=now_utc(), interrupted=interrupted, records=on_disk.records))
        a, b = (side.journal.folder for side in self.sides)
        return a, b


@contextmanager
def duet(request: Request, a: Contender, b: Contender, plan: Mapping[str, Any], say: Say) -> Iterator[Duet]:
    """Check both contenders, start their servers, lock the device and open two runs. Raises any error before anything is measured.

    `plan` describes how the duet will be decided; both runs record it."""
    if not request.suites:
        raise UsageError(f"name a suite with --suite (available: {', '.join(catalog.shipped())})")
    budget = Budget.of(request.preset, request.budget)
    seed = secrets.randbelow(2**32)
    with ExitStack() as stack:
        place = stack.enter_context(scratch())
        servers = []
        for one in (a, b):
            servers.append(one.server(place / f"server-{one.side}.log", request.server_environment()))
            stack.callback(servers[-1].close)
        found = tuple(catalog.find(name) for name in request.suites)
        plugins = [catalog.plugins_of(found, request.plugins, one.file) for one in (a, b)]
        surveys = [
            one.survey(server, request.device, own, place / f"survey-{one.side}.log")
            for one, server, own in zip((a, b), servers, plugins, strict=True)
        ]
        pairs = _pairs(request, a, b, surveys)
        device = surveys[0]["device"]
        stack.enter_context(held(f"device {device!r}", device_lock(device), say if request.wait else None))
        in_turn = device == "cpu" and all(survey.get("takes_turns") for survey in surveys)
        both = new_run_id(f"duet-{pairs[0][0].suite}")
        sides = []
        for index, one in enumerate((a, b)):
            run = _run(request, one, surveys[index], both, budget, plan, [pair[index] for pair in pairs], pairs)
            run = with_ceilings(run, device, request.results, servers[index], place / f"ceilings-{one.side}.log")
            journal = Journal(request.results / run.id, run)
            supervisor = _supervisor(one, servers[index], journal, request, turns=2 if in_turn else 1)
            stack.callback(supervisor.close)
            sides.append(Runner(one, surveys[index], _paths(request, one), plugins[index], run, journal, supervisor))
        turn_files = None
        if in_turn:
            turn_files = TurnFiles(place, max(time_limit_s(request, budget, case) for pair in pairs for case in pair))
            stack.callback(turn_files.close)
        yield Duet((sides[0], sides[1]), pairs, budget, seed, turn_files)


def _supervisor(one: Contender, server: ForkServer, journal: Journal, request: Request, *, turns: int) -> Supervisor:
    warm, limit_s = [server], partial(time_limit_s, request, Budget.of(request.preset, request.budget))
    return Supervisor(
        start=lambda: warm.pop() if warm else one.server(journal.log_path("server"), request.server_environment()),
        log_path=journal.log_path,
        limit=lambda case: turns * limit_s(case),  # includes the other side's turns, and the wait for one that hangs
        watch=lambda *_: None,
    )


def _pairs(request: Request, a: Contender, b: Contender, surveys: Sequence[Event]) -> list[Pair]:
    """Each case of A with its match in B: equal except for what `--set-a` and `--set-b` change. Raises UsageError."""
    found = tuple(catalog.find(name) for name in request.suites)
    declared = [declared_of(survey["variants"]) for survey in surveys]
    keep = selector(request.select, declared[0])
    device, cases = surveys[0]["device"], []
    for one, survey in zip((a, b), surveys, strict=True):
        sets = (*_but(request.sets, one.sets), *one.sets)
        suites = [each.suite for each in catalog.with_axes(found, survey, sets)]
        cases.append(catalog.chosen(suites, device, request.preset, sets, "", survey)[0])
    free = {name for one, known in zip((a, b), declared, strict=True) for name in parse_set(one.sets, known)}
    free |= {"hyper"} & {"hyper" for name in free if name not in AXES}
    if len(cases[0]) != len(cases[1]):
        counts = f"{len(cases[0])} and {len(cases[1])}"
        raise UsageError(f"A and B have {counts} cases, so they cannot be paired: give --set-a and --set-b one value per axis")
    pairs = [pair for pair in zip(*cases, strict=True) if keep is None or keep(pair[0])]
    for first, second in pairs:
        differ = [name for name in AXES if getattr(first, name) != getattr(second, name) and name not in free]
        if any(applies(name, first, declared[0]) and applies(name, second, declared[1]) for name in differ):
            raise UsageError(f"{first} and {second} would form a pair, but differ in more than --set-a and --set-b")
    if not pairs:
        raise UsageError("no case is left; list them with: rnnbench run --dry-run")
    for index, one in enumerate((a, b)):
        known = [each["name"] for each in surveys[index]["variants"]]
        for pair in pairs:
            if pair[index].variant not in known:
                raise UnknownName(f"variant of {one.label}:", pair[index].variant, known)
    return pairs


def _but(sets: Sequence[str], own: Sequence[str]) -> list[str]:
    """The `--set` texts for axes that a side does not set itself."""
    names = {text.partition("=")[0].strip() for text in own}
    return [text for text in sets if text.partition("=")[0].strip() not in names]


def _paths(request: Request, one: Contender) -> dict[str, str]:
    """The path of each suite's file on this side."""
    found = [catalog.find(name) for name in request.suites]
    return {each.suite.name: path if Path(path := one.file(each.path)).is_file() else str(each.path) for each in found}


def _run(
    request: Request,
    one: Contender,
    survey: Event,
    both: str,
    budget: Budget,
    plan: Mapping[str, Any],
    cases: Sequence[Case],
    pairs: Sequence[Pair],
) -> Run:
    """One side's run. `arguments.duet` links it to the other side's."""
    aliases = {str(second): str(first) for first, second in pairs if str(first) != str(second)} if one.side == "B" else {}
    arguments: dict[str, Any] = {
        "command": list(request.command),
        "device": survey["device"],
        "preset": request.preset,
        "set": [*request.sets, *one.sets],
        "select": request.select,
        "budget": budget.as_dict(),
        "isolation": "process",
        "threads": request.threads,
        "pin": request.pin,
        "duet": {
            "id": both,
            "side": one.side,
            "label": one.label,
            "python": one.python,
            "aliases": aliases,
            "environment": dict(one.variables),
            **plan,
        },
    }
    return Run(
        id=f"{both}-{one.side.lower()}",
        suites=tuple(catalog.find(name).suite.about() for name in request.suites),
        arguments=arguments,
        machine=survey["machine"],
        commit=commit(one.folder),
        started_utc=now_utc(),
        planned=tuple({"case": case.as_dict(), "process": 0} for case in cases),
    )
