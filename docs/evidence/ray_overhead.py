"""What Ray costs a run, behind docs/ray.md.

python docs/evidence/ray_overhead.py pace       # minutes: small cases here and through a cluster of this machine, in turn
python docs/evidence/ray_overhead.py dummies    # a minute: 10,000 cases that do nothing, and the head's memory
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from statistics import median

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.files import read_records, read_run
from rnnbench.measure.job import Job
from rnnbench.record import Record
from rnnbench.runs.catalog import find
from rnnbench.runs.cluster.executor import OnRay
from rnnbench.runs.cluster.worker import Worker
from rnnbench.runs.conduct import conduct
from rnnbench.runs.plan import Plan
from rnnbench.runs.prepare import Prepared, _new_run
from rnnbench.runs.request import Request

SIZES = {"depth": 1, "hidden_size": 8, "input_size": 8, "batch_size": 2, "seq_len": 3}
SPREAD = ("--set", "variant=lstm", "--set", "phase=forward", "--set", "precision=fp32", "--case-budget", "0.02", "--min-rounds", "3")


class Dummy(Worker):
    """A station that is all there, but for the cases: each is a record at once."""

    def measure(self, data, limits):  # noqa: ARG002 - as a station's
        for case, process in Job.from_dict(data).tasks:
            yield Record(case=case, process=process, status="ok", times_s=(0.1,) * 100, metrics={"step_time_s": 0.1}).as_dict(), b""


class Counted:
    """A watcher that counts, and sees how many cases are out at once and what the head holds."""

    def __init__(self) -> None:
        self.out = self.most_out = self.done = 0
        self.held: dict[int, float] = {}

    def begin(self, case, process) -> None:  # noqa: ARG002 - a watcher's
        self.out += 1
        self.most_out = max(self.most_out, self.out)

    def end(self, record) -> None:  # noqa: ARG002 - a watcher's
        self.out -= 1
        self.done += 1
        if self.done in (100, 300, 1000, 3000, 10000):
            self.held[self.done] = round(held_mib(), 1)

    def say(self, sentence) -> None:
        print(sentence, file=sys.stderr)


def held_mib() -> float:
    """The most that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def dummies(count: int) -> None:
    """So many cases through executor and journal."""
    found = find("depth")
    tasks = tuple((Case(suite="depth", seed=seed, **SIZES), 0) for seed in range(count))
    with tempfile.TemporaryDirectory() as folder:
        request = Request(suites=("depth",), device="cpu", executor="ray", share=True, results=Path(folder))
        with closing(OnRay(request, Dummy)) as executor:
            survey = executor.survey(request, (), Path(folder))
            plan = Plan((found,), tasks, Budget.of("quick", {}), (), "process")
            run = _new_run(request, plan, survey, executor)
            ready = Prepared(request, plan, "cpu", run, Path(folder, run.id), frozenset(), (), executor, None, {})
            watcher, began_s = Counted(), time.monotonic()
            finished = conduct(ready, watcher)
            took_s, end_mib = time.monotonic() - began_s, round(held_mib(), 1)
            kept, _ = read_run(finished.folder)
            keys = {one.key for one in kept.records}
    told = {
        "cases": count,
        "records": len(kept.records),
        "distinct": len(keys),
        "most_out": watcher.most_out,
        "stations": len(os.sched_getaffinity(0)),
    }
    print(json.dumps({**told, "case_s": took_s / count, "head_mib_after": watcher.held, "head_mib_at_end": end_mib}))


def pace(cases: int, rounds: int) -> None:
    """Seconds from one case's beginning to the next's, here and through Ray, in turn."""
    seen: dict[str, list[float]] = {"local": [], "ray": []}
    starts: dict[str, list[float]] = {"local": [], "ray": []}
    with tempfile.TemporaryDirectory() as folder:
        axes = [word for axis, size in SIZES.items() for word in ("--set", f"{axis}={size}")]
        words = (
            "--suite",
            "depth",
            "--preset",
            "quick",
            *SPREAD,
            *axes,
            "--set",
            f"seed={','.join(map(str, range(cases)))}",
            "--no-report",
        )
        for number in range(rounds + 1):
            for executor in ("local", "ray") if number % 2 else ("ray", "local"):
                results = Path(folder, f"{executor}-{number}")
                results.mkdir()
                (results / ".ceilings.json").write_text("{}" if not number else Path(folder, f"{executor}-0", ".ceilings.json").read_text())
                line = (sys.executable, "-m", "rnnbench", "run", *words, "--executor", executor, "--results", str(results))
                began_s = time.monotonic()
                subprocess.run(line, check=True, capture_output=True, cwd=folder)
                took_s = time.monotonic() - began_s
                (path,) = results.glob("*/records.jsonl")
                records, _ = read_records(path)
                when = sorted(datetime.fromisoformat(one.started_utc).timestamp() for one in records)
                if number:  # the first of each measured the ceilings
                    seen[executor].append((when[-1] - when[0]) / (len(when) - 1))
                    starts[executor].append(took_s - (when[-1] - when[0]))
    middle = {name: median(values) for name, values in seen.items()}
    extra = [there - here for here, there in zip(seen["local"], seen["ray"], strict=True)]
    about = {"cases": cases, "rounds": rounds, "load_average_1m": os.getloadavg()[0]}
    told = {
        "case_s": middle,
        "ray_costs_a_case_s": median(extra),
        "each_s": extra,
        "rest_of_run_s": {k: median(v) for k, v in starts.items()},
    }
    print(json.dumps({**about, **told}))


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("what", choices=("pace", "dummies"))
    words.add_argument("--cases", type=int)
    words.add_argument("--rounds", type=int, default=3)
    asked = words.parse_args()
    if asked.what == "pace":
        pace(asked.cases or 30, asked.rounds)
    else:
        dummies(asked.cases or 10_000)
