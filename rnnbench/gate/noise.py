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
from rnnbench.gate.statistics.evidence import LEAST_PROCESSES, Sample
from rnnbench.gate.statistics.power import sizes_needed
from rnnbench.gate.statistics.sequential import STAGES, LookPlan

DOCTOR_FILE = ".doctor.json"
CHANGE = 0.05  # that the gate is meant to show
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
            if sizes_needed(paired, count, count, alpha / cases) * spread <= room:
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


def smallest(spread: float, pairs: int, cases: int, alpha: float) -> float:
    """The smallest change that so many pairs, whose differences spread like this, show to be beyond the minimum effect nine times of ten
    in one of `cases`, at the level of a duet's last analysis."""
    level = LookPlan(alpha=alpha).level(len(STAGES) - 1) / cases
    return math.expm1(math.log1p(MIN_EFFECT) + sizes_needed(True, pairs, pairs, level) * spread)


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


def stages(found: Noise | None, min_effect: float, level: float) -> tuple[int, ...]:
    """When a duet is analysed: after 5, 10 and 20 pairs, or later on a machine so noisy that 20 would not do."""
    if found is None:
        return STAGES
    last = max(STAGES[-1], found.processes(min_effect, level, paired=True))
    return STAGES if last == STAGES[-1] else (max(LEAST_PROCESSES, last // 4), last // 2, last)
