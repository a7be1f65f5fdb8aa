"""How much identical code varies on this machine (from `rnnbench doctor`), and how many processes a comparison needs."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench import units
from rnnbench.bounded import text
from rnnbench.gate.policy import MIN_EFFECT
from rnnbench.gate.side import usable
from rnnbench.gate.statistics.duet_power import smallest_change
from rnnbench.gate.statistics.evidence import LEAST_PROCESSES, Sample
from rnnbench.gate.statistics.power import sizes_needed
from rnnbench.gate.statistics.sequential import STAGES, LookPlan

DOCTOR_FILE = ".doctor.json"
CHANGE = 0.05  # that the gate is meant to show
LATER = 5  # pairs that a longer duet has more
MOST = 60  # processes a side: beyond, the machine is to be quieted first


@dataclass(frozen=True, slots=True)
class Noise:
    """Of `pairs` of processes of equal code: the spread of one process's logarithm, and of the difference within a pair."""

    pairs: int
    process: float
    pair: float

    def processes(self, min_effect: float, alpha: float, *, paired: bool, cases: int = 1) -> int:
        """The fewest a side (the fewest pairs) that show a change of 5 % in one of `cases` beyond ±`min_effect` nine times of ten, at
        alpha corrected for all of them; MOST where that many would not do either."""
        room = math.log1p(CHANGE) - math.log1p(min_effect)
        spread = max(self.pair if paired else self.process, 1e-6)
        for count in range(LEAST_PROCESSES, MOST):
            if sizes_needed(paired, count, count, alpha / cases, self.pairs - 1 if paired else 2 * (self.pairs - 1)) * spread <= room:
                return count
        return MOST

    def sentence(self, count: int, *, paired: bool, cases: int = 1) -> str:
        """Where such a number comes from."""
        spread = units.percent(self.pair if paired else self.process)
        what = "within a pair" if paired else "from process to process"
        of = f" in one of {cases} cases" if cases > 1 else ""
        more = "" if count < MOST else ", and even that many may not: quiet the machine first"
        return (
            f"rnnbench doctor measured that equal code differs by {spread} {what} here ({self.pairs} pairs):"
            f" {count} {'pairs' if paired else 'processes a side'} show a change of {units.percent(CHANGE)}{of} nine times of ten{more}"
        )


def smallest(spread: float, known_from: int, cases: int, alpha: float) -> float:
    """The smallest change that a duet of the usual plan finds nine times of ten in one of `cases`, if differences within `known_from`
    pairs spread like this."""
    return smallest_change(spread, known_from, LookPlan(alpha=alpha), cases, MIN_EFFECT)


def noise(results: Path, machine: str = "") -> Noise | None:
    """What `rnnbench doctor` last measured of a machine, by its key (`device.machine_cache.machine_key`), or of the machine that it ran on
    last; None where it did not run, or measured too few pairs."""
    try:
        found: Any = json.loads(text(results / DOCTOR_FILE))
        trial = found[machine] if machine else max(found.values(), key=lambda one: str(one["at_utc"]))
        pairs = [(float(a), float(b)) for a, b in trial["pairs"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    if len(pairs) < LEAST_PROCESSES or not usable([value for pair in pairs for value in pair]):
        return None
    sample = Sample.of([a for a, _ in pairs], [b for _, b in pairs], paired=True)
    whole = np.concatenate([sample.base, sample.candidate])
    return Noise(len(pairs), float(np.std(whole, ddof=1)), float(np.std(sample.candidate - sample.base, ddof=1)))


def stages(found: Noise | None, min_effect: float, alpha: float) -> tuple[int, ...]:
    """When a duet is analysed: after 5, 10 and 20 pairs, or later on a machine so noisy that 20 would not show a change of 5 % nine times
    of ten; after MOST at the latest."""
    if found is None:
        return STAGES

    def shows(last: int) -> bool:
        plan = LookPlan(_looks(last), alpha)
        return smallest_change(max(found.pair, 1e-6), found.pairs, plan, 1, min_effect) <= CHANGE

    return _looks(next((last for last in range(STAGES[-1], MOST, LATER) if shows(last)), MOST))


def _looks(last: int) -> tuple[int, ...]:
    return STAGES if last == STAGES[-1] else (max(LEAST_PROCESSES, last // 4), last // 2, last)
