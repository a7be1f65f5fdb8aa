"""Fuzz every way in for others' data, or one of them: `python docs/evidence/fuzz.py --minutes 10 [TARGET ...]`.

Each target gets so many minutes of random examples. What fails is shown, smallest first, and kept in `.hypothesis/fuzz` of the working
folder, where the next run begins. Ends with 1 where anything was found.
"""

import argparse
import os
import sys
import time
import traceback
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hypothesis import HealthCheck, given, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.fuzz.targets import TARGETS, Target

AT_ONCE = 200


def fuzz(target: Target, minutes: float, kept: Path) -> tuple[int, bool]:
    """Examples tried, and whether any failed."""
    tried = 0

    def counted(data: object) -> None:
        nonlocal tried
        tried += 1
        target.check(data)

    until = time.monotonic() + minutes * 60
    tuned = settings(
        max_examples=AT_ONCE, deadline=None, database=DirectoryBasedExampleDatabase(kept), suppress_health_check=list(HealthCheck)
    )
    counted.__name__ = counted.__qualname__ = target.name
    while time.monotonic() < until:
        try:
            tuned(given(target.data)(counted))()
        except BaseException as error:  # a group of several failures is no Exception of one kind
            if isinstance(error, KeyboardInterrupt):
                raise
            traceback.print_exception(error)
            return tried, True
    return tried, False


def main() -> int:
    """Every target in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of: {', '.join(TARGETS)}")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N", help="for each target")
    asked = parser.parse_args()
    if unknown := [name for name in asked.targets if name not in TARGETS]:
        parser.error(f"unknown target {unknown[0]!r}; choose from: {', '.join(TARGETS)}")
    print("| target | minutes | examples | found |\n| --- | --- | --- | --- |", flush=True)
    found = False
    for name in asked.targets or TARGETS:
        began = time.monotonic()
        tried, failed = fuzz(TARGETS[name], asked.minutes, Path(".hypothesis/fuzz"))
        found |= failed
        print(f"| {name} | {(time.monotonic() - began) / 60:.1f} | {tried:,} | {'see above' if failed else 'nothing'} |", flush=True)
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
