"""How long a site of many runs takes, in how much memory: `python docs/evidence/site.py [--records 20000 100000] [--cases 60] [--pages 3]`.

The runs are made up, nothing was measured: only the time and the memory of making the site are. Each size in a process of its own."""

import argparse
import multiprocessing
import os
import random
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rnnbench.case import Case
from rnnbench.journal import Journal
from rnnbench.record import Record, Run
from rnnbench.reports.forms.site import write_site

ABOUT = {"name": "depth", "title": "Depth", "question": "What does one more layer cost?", "x": "depth", "hue": "variant"}
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
VARIANTS = ("lstm", "gru", "elman")


def fill(results: Path, records: int, cases: int, rounds: int) -> int:
    """Runs of so many cases, an hour apart; how many."""
    luck = random.Random(0)
    grid = [Case(suite="depth", variant=VARIANTS[place % 3], depth=1 + place // 3) for place in range(cases)]
    for number in range(count := -(-records // cases)):
        when = (BEGAN + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        run = Run(
            id=f"r{number:06d}",
            suites=(ABOUT,),
            arguments={},
            machine={"cpu": {"model": "made"}},
            commit={"hash": f"{number:040x}"},
            started_utc=when,
        )
        journal = Journal(results / run.id, run)
        for case in grid:
            times = tuple(1e-3 * case.depth * (1 + abs(luck.gauss(0, 0.02))) for _ in range(rounds))
            journal.append(
                Record(
                    case=case,
                    status="ok",
                    times_s=times,
                    metrics={"step_time_s": sorted(times)[rounds // 2], "activation_bytes": 1e6 * case.depth},
                )
            )
    return count


def site(results: Path, out: Path, pages: int) -> None:
    """Make it, in this process, and print what it took."""
    began = time.perf_counter()
    write_site(results, out, pages=pages)
    spent, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    files = [path for path in out.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"  {spent:.1f} s, peak {peak:,.0f} MiB, {len(files):,} files, {size / 1e6:,.1f} MB", flush=True)


def main() -> None:
    """One size after another."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, nargs="+", default=[20_000, 100_000])
    options.add_argument("--cases", type=int, default=60, help="of each run")
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--pages", type=int, default=3)
    asked = options.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for records in asked.records:
        with tempfile.TemporaryDirectory() as folder:
            runs = fill(Path(folder) / "results", records, asked.cases, asked.rounds)
            print(f"{runs * asked.cases:,} records in {runs:,} runs of {asked.cases:,} cases, {asked.rounds} rounds", flush=True)
            child = multiprocessing.get_context("spawn").Process(
                target=site, args=(Path(folder) / "results", Path(folder) / "site", asked.pages)
            )
            child.start()
            child.join()


if __name__ == "__main__":
    main()
