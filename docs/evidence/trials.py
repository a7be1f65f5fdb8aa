"""Real processes for docs/gate.md: equal code and planted slowdowns in pairs, on disk as they come; then what each rule says of them.

Twenty cases of the same LSTM, told apart by their seed, share a process: twelve are equal code on both sides, two, four and two have 2 %,
5 % and 10 % of work planted in B. One pair of processes is so one pair of each of them, at a few seconds for all. The two take turns every
few rounds, as in a duet; with `--apart` one follows the other."""

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
from planted import VARIABLE
from rules import COMPARES, RULES, Pairs, by_compare
from scipy.stats import binomtest

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.measure.interleaving import TurnFiles
from rnnbench.measure.job import Job
from rnnbench.record import Trial
from rnnbench.runs.catalog import shipped
from rnnbench.runs.processes.client import START_LIMIT_S, ForkServer

HERE = Path(__file__).parent
EFFECTS = (0.0,) * 12 + (0.02,) * 2 + (0.05,) * 4 + (0.10,) * 2
"""Of each seed."""
SUITE = "depth"
SIZES = {"variant": "planted_lstm", "phase": "forward", "hidden_size": 128, "input_size": 128, "batch_size": 8, "seq_len": 32}
CASES = [Case(suite=SUITE, depth=1, seed=seed, **SIZES) for seed in range(len(EFFECTS))]
BUDGET = Budget(max_time_s=0.1, precision=1e-4, min_rounds=20)
KEPT = 200  # rounds of each process
PROBE, PROBES = 100, 6  # products, and pairs of processes, to learn what one product costs
BURST = """
import random, time
while True:
    end = time.time() + random.expovariate(1 / 1.5)
    while time.time() < end:
        sum(range(1000))
    time.sleep(random.expovariate(1 / 4))
"""
Seconds = dict[int, list[float]]
"""Of each round, by seed."""


class Processes:
    """Fresh processes of one side, one after another. `products` is planted work by seed."""

    def __init__(self, folder: Path, name: str, products: Mapping[int, int]) -> None:
        self._log = folder / f"{name}.log"
        environment = {VARIABLE: json.dumps(products), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self.server = ForkServer(self._log, environment=environment)

    def measure(self, order: list[int], turn: Mapping[str, object] | None = None) -> Seconds:
        """All cases in one process, in this order. `turn` is its end of the turn files."""
        tasks = tuple(Trial(CASES[seed], 0) for seed in order)
        job = Job(suite_path=str(shipped()[SUITE]), tasks=tasks, budget=BUDGET, plugins=(str(HERE / "planted.py"),), turn=turn or {})
        token, found = self.server.fork("job", job.as_dict(), self._log), Seconds()
        while (event := self.server.next_event(START_LIMIT_S)) is not None:
            if event.get("token") != token:
                continue
            if event["event"] == "record" and event["record"]["status"] == "ok":
                found[event["record"]["case"]["seed"]] = event["record"]["times_s"][:KEPT]
            if event["event"] == "exit":
                break
        if len(found) < len(order):
            raise SystemExit(f"a process measured {len(found)} of {len(order)} cases:\n{self._log.read_text()[-2000:]}")
        return found


@contextlib.contextmanager
def sides(*products: Mapping[int, int]) -> Iterator[list[Processes]]:
    """Warm fork servers, one for each amount of planted work."""
    with tempfile.TemporaryDirectory(prefix="rnnbench-") as folder, contextlib.ExitStack() as stack:
        found = []
        for number, planted in enumerate(products):
            found.append(Processes(Path(folder), f"side-{number}", planted))
            stack.callback(found[-1].server.close)
        yield found


def in_turn(both: list[Processes], order: list[int], first: int, folder: Path) -> list[Seconds]:
    """A process of each side, at once, by turns."""
    batons = TurnFiles(folder, START_LIMIT_S)

    def follow(which: int) -> Seconds:
        with batons.turn(which, first=which == first) as turn:
            return both[which].measure(order, turn)

    with contextlib.closing(batons), ThreadPoolExecutor(2) as threads:
        return list(threads.map(follow, (0, 1)))


def real(out: Path, minutes: float, condition: str, *, apart: bool = False) -> None:
    """Pairs of processes until the time is spent, each on disk at once; goes on where the file ends."""
    end_s, (products, rows) = time.monotonic() + minutes * 60, read(out)
    products = products or _calibrated(out)
    print(f"planted products: {products}; {len(rows[condition])} pairs so far", file=sys.stderr)
    planted = {seed: products[str(effect)] for seed, effect in enumerate(EFFECTS) if effect}
    with _load(condition), sides({}, planted) as both, tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end_s:
            order, turn = random.sample(range(len(CASES)), len(CASES)), random.sample((0, 1), 2)
            if apart:
                found = {which: both[which].measure(order) for which in turn}
            else:
                found = dict(enumerate(in_turn(both, order, turn[0], Path(folder))))
            _append(out, {"load": condition, "average": os.getloadavg()[0], "a": found[0], "b": found[1]})


def _calibrated(out: Path) -> dict[str, int]:
    """How many products make each effect, from pairs of processes with many and with none."""
    with sides({}, dict.fromkeys(range(len(CASES)), PROBE)) as (plain, loaded):
        order = list(range(len(CASES)))
        found = [(plain.measure(order), loaded.measure(order)) for _ in range(PROBES)]
    shares = [np.median(b[seed]) / np.median(a[seed]) - 1 for a, b in found for seed in order]
    products = {str(effect): round(effect / (float(np.median(shares)) / PROBE)) for effect in sorted({*EFFECTS} - {0.0})}
    _append(out, {"products": products})
    return products


def _append(out: Path, row: Mapping[str, object]) -> None:
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, separators=(",", ":")) + "\n")


@contextlib.contextmanager
def _load(condition: str) -> Iterator[None]:
    """Nothing, or a process that is busy for 1.5 s and idle for 4 s, on average."""
    if condition == "quiet":
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", BURST])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def read(out: Path) -> tuple[dict[str, int], dict[str, list[dict]]]:
    """The planted products, and the pairs by load, in order of time; a half-written last line is left out."""
    products, rows = {}, defaultdict(list)
    for line in out.read_text(encoding="utf-8").splitlines() if out.exists() else []:
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            products = row.get("products", products)
            if "load" in row:
                rows[row["load"]].append(row)
    return products, rows


def judge(out: Path) -> None:
    """Every rule on the pairs of each case, in the order in which they were measured; a comparison begins where the last one ended."""
    _, found = read(out)
    for load, rows in found.items():
        average = median(row["average"] for row in rows)
        print(f"{load}: {len(rows)} pairs of processes, load average {average:.1f} beside them (two in turn are 1)\n")
    print(
        "| rule | load | planted | measured | comparisons | regressed | share | at most | listed only | equivalent or fine | inconclusive |"
    )
    print("| --- " * 11 + "|", flush=True)
    for load, rows in found.items():
        streams = [_pairs(rows, seed) for seed in range(len(EFFECTS))]
        for name, (count, canary) in COMPARES.items():
            _print(name, load, streams, _compared(streams, count, canary=canary))
        for name, (most, rule) in RULES.items():
            said = {effect: Counter[str]() for effect in EFFECTS}
            for effect, pairs in zip(EFFECTS, streams, strict=True):
                said[effect].update(_said(pairs, most, rule))
            _print(name, load, streams, said)


def _print(name: str, load: str, streams: list[Pairs], said: Mapping[float, Counter[str]]) -> None:
    for effect, counts in sorted(said.items()):
        if total := counts.total():
            own = [one for one, planted in zip(streams, EFFECTS, strict=True) if planted == effect]
            ratio = median(float(np.median(np.median(one.b, axis=1) / np.median(one.a, axis=1))) for one in own)
            top = binomtest(counts["regressed"], total).proportion_ci(0.9, "exact").high
            rest = f"{counts['listed']} | {counts['equivalent'] + counts['fine']} | {counts['inconclusive']}"
            shares = f"{total} | {counts['regressed']} | {counts['regressed'] / total:.1%} | {top:.1%} | {rest}"
            print(f"| {name} | {load} | {effect:.0%} | {ratio - 1:+.1%} | {shares} |", flush=True)


def _compared(streams: list[Pairs], count: int, *, canary: bool) -> dict[float, Counter[str]]:
    """Comparisons of two runs, each of all cases; the first equal one is the canary, where there is one, and is not judged."""
    said = {effect: Counter[str]() for effect in EFFECTS}
    judged = streams[1:] if canary else streams
    for first in range(0, len(streams[0]) - 2 * count + 1, 2 * count):
        some = [one.some(first, 2 * count) for one in judged]
        verdicts = by_compare(some, count, streams[0].some(first, 2 * count) if canary else None)
        for effect, verdict in zip(EFFECTS[-len(judged) :], verdicts, strict=True):
            said[effect][verdict] += 1
    return said


def _pairs(rows: list[dict], seed: int) -> Pairs:
    own = [[row[side][str(seed)] for row in rows] for side in "ab"]
    fewest = min(len(times) for side in own for times in side)
    return Pairs(*(np.array([times[:fewest] for times in side]) for side in own))


def _said(pairs: Pairs, most: int, rule) -> Iterator[str]:
    first = 0
    while first + most <= len(pairs):
        verdict, used = rule(pairs.some(first, most))
        yield verdict
        first += used
