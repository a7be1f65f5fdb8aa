"""The canary: a fixed case that was run beside others, so that the machine's drift can be told from the code's."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from rnnbench.analysis.evidence import LEAST_PROCESSES
from rnnbench.analysis.policy import CANARY
from rnnbench.analysis.side import Side, usable
from rnnbench.record import METRICS

SMOOTH = 5  # runs over which the canary's own noise is evened out
TOUCHING = (
    "torch.version",
    "packages.torch",
    "packages.rnnbench",
    "python",
    "torch.mkldnn",
    "torch.cpu_capability",
)  # what a canary runs through
Run = TypeVar("Run", bound=Hashable)


def power_of_drift(metric: str) -> int:
    """Times grow with the machine's drift (1), rates shrink (-1), all else is free of it (0)."""
    if METRICS[metric].deterministic or not metric.endswith("_s"):
        return 0
    return -1 if metric.endswith("_per_s") else 1


def drift(canary: Sequence[tuple[Run, float]]) -> Mapping[Run, float]:
    """How much slower than usual the machine was at each run, from the canary's figures in order of time; nothing from too few."""
    if len(canary) < SMOOTH:
        return {}
    logs = pd.Series([np.log(value) for _, value in canary])
    smooth = logs.rolling(SMOOTH, center=True, min_periods=1).median()
    return {run: float(np.exp(value - logs.median())) for (run, _), value in zip(canary, smooth, strict=True)}


def canary_among(cases: Iterable[str], asked: str) -> str:
    """The case that is the canary: the one of that id, for `canary` the shipped one; empty where there is none."""
    known = dict.fromkeys(cases)
    return asked if asked in known else next((case for case in known if asked == CANARY and case.startswith(f"{CANARY}/")), "")


@dataclass(frozen=True, slots=True)
class Drift:
    """Between two runs: by what the machine was slower at the second (`ratio`, above 0), as `case` says. `told` is a sentence."""

    case: str = ""
    ratio: float = 1.0
    told: str = ""

    def of(self, metric: str) -> float:
        """What to divide a metric of the second run by."""
        return self.ratio ** power_of_drift(metric)


def drift_between(base: Side, candidate: Side, asked: str, software: Mapping[str, tuple[Any, Any]]) -> Drift:
    """The drift between two runs that both hold the canary. `software` is what differs between them: where that touches the canary
    itself, its figures tell nothing of the machine."""
    name = canary_among([case for case in base.cases if case in candidate.cases], asked)
    sides = [list(one.cases[name].values.get("step_time_s", {}).values()) for one in (base, candidate)] if name else [[], []]
    if min(map(len, sides)) < LEAST_PROCESSES or not usable([*sides[0], *sides[1]]):
        return Drift()
    if touched := [fact for fact in software if fact in TOUCHING]:
        return Drift(told=f"{', '.join(touched)} differ, which the canary runs through: the machine's drift was not divided out")
    ratio = median(sides[1]) / median(sides[0])
    way = "slower" if ratio >= 1 else "faster"
    return Drift(
        name, ratio, f"the machine was {abs(ratio - 1):.1%} {way} at the second run, as {name} says: divided out of every ratio of times"
    )
