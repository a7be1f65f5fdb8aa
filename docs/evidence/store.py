"""The figures of docs/store.md, with made data (nothing was measured): `python docs/evidence/store.py [--to postgresql://…]`.

A store of 1,000 runs × 60 cases × 30 samples is read for a whole history; one of `--records` records in runs of 1,000 cases is asked
for one case. Without `--to` in SQLite, in a folder of its own."""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rnnbench.case import Case
from rnnbench.gate.store_source import StoreSource, volume
from rnnbench.record import METRICS, Record, Run
from rnnbench.store.opening import open_database

METRICS_READ = ("step_time_s", *(name for name, one in METRICS.items() if one.deterministic))
MACHINE = {"hostname": "made", "cpu": {"model": "made", "cores": 2}, "gpus": []}


def runs(count: int, cases: int, samples: int) -> Iterator[tuple[bytes, bytes]]:
    """The two files of each run. The lines of a run are those of the first with another number in front."""
    luck = random.Random(0)
    grid = [Case(suite="made", depth=index + 1) for index in range(cases)]
    exact = {name: float(luck.randrange(10**6)) for name, one in METRICS.items() if one.deterministic}
    times = tuple(luck.lognormvariate(-4, 0.02) for _ in range(samples))
    found = [Record(case=one, status="ok", times_s=times, metrics={"step_time_s": times[0], **exact}) for one in grid]
    lines = b"".join(json.dumps(one.as_dict(), separators=(",", ":")).encode() + b"\n" for one in found)
    for index in range(count):
        stamp = f"2026-01-01T00:00:{index:06d}Z"
        run = Run(id=f"m{cases}-{index:06d}", suites=(), arguments={}, machine=MACHINE, commit={"hash": f"{index:040x}"}, started_utc=stamp)
        yield json.dumps(run.as_dict()).encode(), lines


def filled(address: str, count: int, cases: int, samples: int) -> StoreSource:
    """A store with these runs. Figures are worked out once for all, since the runs differ in their heads alone."""
    database = open_database(address, create=True)
    began, first = time.perf_counter(), None
    for head, lines in runs(count, cases, samples):
        first = first or volume(head, lines, "made")
        database.put(type(first)(head=head, lines=lines, machine=first.machine, facts=first.facts, cases=first.cases))
    print(f"  filled with {count * cases:,} records in {time.perf_counter() - began:.0f} s")
    return StoreSource.at(address)


def spans(what: str, call: Callable[[], object], times: int) -> None:
    """Print the median and the worst of some calls."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    print(f"  {what}: median {statistics.median(found) * 1e3:,.0f} ms, worst {max(found) * 1e3:,.0f} ms of {times}")


def main() -> None:
    """Fill and read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", nargs=2, metavar=("STORE", "STORE"), help="two empty databases")
    parser.add_argument("--records", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small, large = asked.to or (f"sqlite:///{Path(folder) / name}.sqlite" for name in ("small", "large"))
        print("1,000 runs × 60 cases × 30 samples")
        store = filled(small, 1000, 60, 30)
        spans("every figure of a history read", lambda: store.sides(METRICS_READ), 5)
        print(f"{asked.records:,} records, runs of 1,000 cases")
        many = filled(large, asked.records // 1000, 1000, 30)
        name = str(Case(suite="made", depth=500))
        spans("one case's history", lambda: many.sides(("step_time_s",), lambda one: one == name), 11)


if __name__ == "__main__":
    main()
