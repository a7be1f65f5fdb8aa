"""How long a report of a large run takes, and how large it gets: `python docs/evidence/reports.py [--cases 1000] [--rounds 40]`.

The run is made up, its figures were not measured: only the time and the bytes of the page are.
"""

import argparse
import os
import random
import resource
import time

from rnnbench.analysis.frames import Loaded
from rnnbench.case import Case
from rnnbench.record import Record, Run
from rnnbench.reports.forms.page import render

SHAPES = [(variant, depth) for variant in ("lstm", "gru", "elman", "min_gru") for depth in range(1, 26)]


def made_up(cases: int, rounds: int) -> Run:
    """A run of so many cases: variants and depths over batch sizes, with noise around a cost a layer."""
    luck, records = random.Random(0), []
    for number in range(cases):
        variant, depth = SHAPES[number % len(SHAPES)]
        case = Case(suite="depth", variant=variant, depth=depth, batch_size=1 + number // len(SHAPES))
        times = tuple(1e-3 * depth * (1 + abs(luck.gauss(0, 0.02))) for _ in range(rounds))
        middle = sorted(times)[rounds // 2]
        metrics = {"step_time_s": middle, "tokens_per_s": case.batch_size * case.seq_len / middle, "activation_bytes": 1e6 * depth}
        records.append(Record(case=case, status="ok", times_s=times, metrics=metrics))
    about = {"name": "depth", "title": "Depth", "question": "What does one more layer cost?", "x": "depth", "hue": "variant"}
    return Run(
        id="20260101T000000Z-depth-0000",
        suites=(about,),
        arguments={},
        machine={},
        commit={},
        started_utc="2026-01-01T00:00:00.000Z",
        records=tuple(records),
    )


def main() -> None:
    """Render twice, the second time with everything imported, and print both."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=40)
    asked = options.parse_args()
    run = made_up(asked.cases, asked.rounds)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for turn in ("first", "again"):
        began = time.perf_counter()
        size = len(render([Loaded(run)]).encode())
        spent, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{turn}: {asked.cases:,} cases, {asked.rounds} rounds: {spent:.1f} s, {size / 1e6:.2f} MB, peak {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
