"""Two contenders in turn on one machine: pairs of fresh processes in random order, until a judge has enough.

On a CPU the two of a pair live at once and take turns every few rounds; on other devices, whose memory may not hold both, and with a side
of an older version, one process follows the other.
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

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.choose import parse_set, selector
from rnnbench.errors import UnknownName, UsageError
from rnnbench.files import read_run
from rnnbench.journal import Journal, new_run_id, now_utc
from rnnbench.measure.baton import Batons
from rnnbench.measure.commit import commit
from rnnbench.measure.job import Job
from rnnbench.measure.known import put_in_place
from rnnbench.record import Record, Run
from rnnbench.registry import user_path
from rnnbench.runs import catalog
from rnnbench.runs.client import Event, ForkServer
from rnnbench.runs.contender import CannotMeasure, Contender
from rnnbench.runs.lock import device_lock, held
from rnnbench.runs.machine import with_ceilings
from rnnbench.runs.request import Request, time_limit_s
from rnnbench.runs.supervisor import Supervisor
from rnnbench.scratch import scratch

Pair = tuple[Case, Case]
Say = Callable[[str], None]


@dataclass(slots=True)
class Side:
    """A contender at work: its surveyed machine, its suite files, its run and its supervisor."""

    contender: Contender
    survey: Event
    suite_paths: Mapping[str, str]
    plugins: tuple[str, ...]
    run: Run
    journal: Journal
    supervisor: Supervisor
    records: list[Record] = field(default_factory=list)
    over: bool = False  # the run was interrupted: what ends now is no record

    def measure(self, case: Case, pair: int, budget: Budget, turn: Mapping[str, Any] | None = None) -> None:
        """One fresh process; its record is on disk before this returns. `turn` is its end of the baton."""
        tasks = ((case, pair),)
        job = Job(suite_path=self.suite_paths[case.suite], tasks=tasks, budget=budget, plugins=self.plugins, turn=turn or {})
        try:
            for found in self.supervisor.run(job):
                if self.over:
                    return
                record = put_in_place(found, self.run.machine)
                self.journal.append(record)
                self.records.append(record)
        except (KeyError, TypeError) as error:
            raise CannotMeasure(self.contender.label, f"it speaks another version's language ({error!r})") from None


class Duet:
    """Both sides, ready. `base` runs A, `candidate` runs B; `pairs` are the cases that answer each other."""

    def __init__(self, sides: tuple[Side, Side], pairs: Sequence[Pair], budget: Budget, seed: int, batons: Batons | None = None) -> None:
        """With `batons` the two processes of a pair take turns within their rounds, else one follows the other."""
        self.sides = sides
        self._batons = batons
        self.pairs = tuple(pairs)
        self.began_s = time.monotonic()
        self._budget = budget
        self._coin = random.Random(seed)
        self._next = dict.fromkeys(self.pairs, 0)

    @property
    def processes(self) -> int:
        """How many have run, on both sides."""
        return sum(len(side.records) for side in self.sides)

    def play(self, pairs: Sequence[Pair], times: int) -> None:
        """So many further pairs of processes of each of these cases; cases come in random order, so does who goes first."""
        rounds = [pair for _ in range(times) for pair in pairs]
        self._coin.shuffle(rounds)
        for pair in rounds:
            number = self._next[pair]
            self._next[pair] += 1
            order = [0, 1]
            self._coin.shuffle(order)
            if self._batons is None:
                for which in order:
                    self.sides[which].measure(pair[which], number, self._budget)
            else:
                self._at_once(pair, number, order[0], self._batons)

    def _at_once(self, pair: Pair, number: int, first: int, batons: Batons) -> None:
        """Both processes, each followed by a thread of its own."""

        def follow(which: int) -> None:
            with batons.turn(which, first=which == first) as turn:
                self.sides[which].measure(pair[which], number, self._budget, turn)

        batons.clear()
        with ThreadPoolExecutor(len(self.sides)) as both:
            going = [both.submit(follow, which) for which in (first, 1 - first)]
            try:
                wait(going)
            except BaseException:
                for side in self.sides:
                    side.over = True
                    side.supervisor.close()  # ends its processes, and so the threads that follow them
                raise
        for one in going:
            one.result()

    def played(self, pair: Pair) -> int:
        """How many pairs this case has had."""
        return self._next[pair]

    def runs(self) -> tuple[Run, Run]:
        """Both runs as they are now, with their records."""
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
def duet(request: Request, a: Contender, b: Contender, plan: str, say: Say) -> Iterator[Duet]:
    """Check both contenders, start their servers, lock the device, open two runs. Raises what is wrong before anything is measured."""
    if not request.suites:
        raise UsageError(f"name a suite with --suite (there are: {', '.join(catalog.shipped())})")
    budget = Budget.of(request.preset, request.budget)
    seed = secrets.randbelow(2**32)
    with ExitStack() as stack:
        place = stack.enter_context(scratch())
        servers = []
        for one in (a, b):
            servers.append(one.server(place / f"server-{one.side}.log", request.server_environment()))
            stack.callback(servers[-1].close)
        plugins = [tuple(one.file(user_path(path)) for path in request.plugins) for one in (a, b)]
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
            sides.append(Side(one, surveys[index], _paths(request, one), plugins[index], run, journal, supervisor))
        batons = None
        if in_turn:
            batons = Batons(place, max(time_limit_s(request, budget, case) for pair in pairs for case in pair))
            stack.callback(batons.close)
        yield Duet((sides[0], sides[1]), pairs, budget, seed, batons)


def _supervisor(one: Contender, server: ForkServer, journal: Journal, request: Request, *, turns: int) -> Supervisor:
    warm, limit_s = [server], partial(time_limit_s, request, Budget.of(request.preset, request.budget))
    return Supervisor(
        start=lambda: warm.pop() if warm else one.server(journal.log_path("server"), request.server_environment()),
        log_path=journal.log_path,
        limit=lambda case: turns * limit_s(case),  # the other's turns count too; one that hangs is waited for as long as a case may take
        watch=lambda *_: None,
    )


def _pairs(request: Request, a: Contender, b: Contender, surveys: Sequence[Event]) -> list[Pair]:
    """The cases of A, each with B's that answers it: the same but for what `--set-a` and `--set-b` say."""
    found = [catalog.find(name) for name in request.suites]
    keep = selector(request.select)
    own = [parse_set((*request.sets, *one.sets)) for one in (a, b)]
    free = {name for one in (a, b) for name in parse_set(one.sets)}
    cases = [[case for one in found for case in one.suite.expand(surveys[0]["device"], request.preset, sets)] for sets in own]
    if len(cases[0]) != len(cases[1]):
        counts = f"{len(cases[0])} and {len(cases[1])}"
        raise UsageError(f"A and B have {counts} cases, so they cannot be paired: give --set-a and --set-b one value for each axis")
    pairs = [pair for pair in zip(*cases, strict=True) if keep is None or keep(pair[0])]
    for first, second in pairs:
        before, after = first.as_dict(), second.as_dict()
        if any(before[name] != after[name] for name in before if name not in free):
            raise UsageError(f"{first} and {second} would be a pair, but differ in more than --set-a and --set-b say")
    if not pairs:
        raise UsageError("no case is left; see what there is with: rnnbench run --dry-run")
    for index, one in enumerate((a, b)):
        known = [each["name"] for each in surveys[index]["variants"]]
        for pair in pairs:
            if pair[index].variant not in known:
                raise UnknownName(f"variant of {one.label}:", pair[index].variant, known)
    return pairs


def _paths(request: Request, one: Contender) -> dict[str, str]:
    """Each suite's file as this side has it."""
    found = [catalog.find(name) for name in request.suites]
    return {each.suite.name: path if Path(path := one.file(each.path)).is_file() else str(each.path) for each in found}


def _run(
    request: Request, one: Contender, survey: Event, both: str, budget: Budget, plan: str, cases: Sequence[Case], pairs: Sequence[Pair]
) -> Run:
    """One side's run. `arguments.duet` ties it to the other."""
    aliases = {str(second): str(first) for first, second in pairs if str(first) != str(second)} if one.side == "B" else {}
    asked: dict[str, Any] = {
        "command": list(request.command),
        "device": survey["device"],
        "preset": request.preset,
        "set": [*request.sets, *one.sets],
        "select": request.select,
        "budget": budget.as_dict(),
        "isolation": "process",
        "threads": request.threads,
        "pin": request.pin,
        "duet": {"id": both, "side": one.side, "label": one.label, "python": one.python, "aliases": aliases, "plan": plan},
    }
    return Run(
        id=f"{both}-{one.side.lower()}",
        suites=tuple(catalog.find(name).suite.about() for name in request.suites),
        arguments=asked,
        machine=survey["machine"],
        commit=commit(one.folder),
        started_utc=now_utc(),
        planned=tuple({"case": case.as_dict(), "process": 0} for case in cases),
    )
