"""How much equal code differs on this machine, as `rnnbench doctor` last saw it, and how many processes a comparison so needs."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench import units
from rnnbench.analysis.evidence import LEAST_PROCESSES, POWER, Sample
from rnnbench.analysis.sequential import STAGES
from rnnbench.analysis.side import usable
from rnnbench.bounded import text

DOCTOR_FILE = ".doctor.json"
CHANGE = 0.05  # what the gate is meant to see
MOST = 60  # processes a side: beyond, the machine is to be quieted first


@dataclass(frozen=True, slots=True)
class Noise:
    """Of `pairs` of processes of equal code: the spread of one process's logarithm, and of the difference within a pair."""

    pairs: int
    process: float
    pair: float

    def processes(self, min_effect: float, alpha: float, *, paired: bool) -> int:
        """The fewest a side (the fewest pairs) that show a change of 5 % beyond ±`min_effect` nine times of ten; MOST where that
        many would not do either."""
        from statsmodels.stats.power import TTestIndPower, TTestPower

        room = math.log1p(CHANGE) - math.log1p(min_effect)
        size = room / max(self.pair if paired else self.process, 1e-6)
        power = (TTestPower() if paired else TTestIndPower()).power
        for count in range(LEAST_PROCESSES, MOST):
            if size > 0 and float(power(size, count, alpha, alternative="larger")) >= POWER:
                return count
        return MOST

    def told(self, count: int, *, paired: bool) -> str:
        """Where such a number comes from."""
        spread = units.percent(self.pair if paired else self.process)
        what = "within a pair" if paired else "from process to process"
        more = "" if count < MOST else ", and even so many may not: quiet the machine first"
        return (
            f"rnnbench doctor saw equal code differ by {spread} {what} here ({self.pairs} pairs): {count} {'pairs' if paired else 'a side'}"
            f" show a change of {units.percent(CHANGE)} nine times of ten{more}"
        )


def noise(results: Path, machine: str = "") -> Noise | None:
    """What `rnnbench doctor` last saw of a machine, by its key (`measure.known.machine_key`), or of whichever was asked last; none where
    it was not asked, or saw too few pairs."""
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
    """When a duet looks: after 5, 10 and 20 pairs, or later on a machine so noisy that 20 would not do."""
    if found is None:
        return STAGES
    last = max(STAGES[-1], found.processes(min_effect, level, paired=True))
    return STAGES if last == STAGES[-1] else (max(LEAST_PROCESSES, last // 4), last // 2, last)
