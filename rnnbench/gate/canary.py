"""The canary: a fixed case run alongside others, which separates the machine's drift from the code's."""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar

import numpy as np

from rnnbench import units
from rnnbench.analysis.changepoints import shifts
from rnnbench.gate.policy import CANARY
from rnnbench.gate.side import Side, usable
from rnnbench.gate.statistics.evidence import LEAST_PROCESSES, NO_DRIFT, RankTest, Sample
from rnnbench.record import METRICS

LEVEL = 0.002  # of the interval of a change of the machine
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


@dataclass(frozen=True, slots=True)
class MachineDrift(Generic[Run]):
    """How much slower than usual the machine was at each run, as the canary `case` shows it, and how far each of these is open: at the runs
    beside a change of the machine, half the width of its interval (logarithm); 0 elsewhere."""

    case: str
    slower: Mapping[Run, float]
    doubts: Mapping[Run, float]


def machine_drift(case: str, canary: Sequence[tuple[Run, float]]) -> MachineDrift[Run] | None:
    """From the canary's figures in order of time. Only its changes of level count: what wavers from run to run is the canary's own noise,
    and would be put into every case. None where its level never changed."""
    changes = shifts([value for _, value in canary]) if usable([value for _, value in canary]) else []
    if not changes:
        return None
    runs = [run for run, _ in canary]
    logs = np.log([value for _, value in canary])
    bounds = [0, *(change.at for change in changes), len(runs)]
    levels = [float(np.median(logs[start:end])) for start, end in pairwise(bounds)]
    usual = float(np.median(np.repeat(levels, np.diff(bounds))))
    slower, doubts = {}, dict.fromkeys(runs, 0.0)
    for level, start, end in zip(levels, bounds, bounds[1:], strict=False):
        slower.update(dict.fromkeys(runs[start:end], math.exp(level - usual)))
    for start, at, end in zip(bounds, bounds[1:], bounds[2:], strict=False):
        low, high, _ = RankTest(Sample(logs[start:at], logs[at:end], paired=False)).interval(LEVEL / 2)
        for run in runs[at - 1 : at + 1]:
            doubts[run] = max(doubts[run], (high - low) / 2)
    return MachineDrift(case, slower, doubts)


def canary_among(cases: Iterable[str], asked: str) -> str:
    """The case that is the canary: the one of that id, for `canary` the shipped one; empty where there is none."""
    known = dict.fromkeys(cases)
    return asked if asked in known else next((case for case in known if asked == CANARY and case.startswith(f"{CANARY}/")), "")


@dataclass(frozen=True, slots=True)
class Drift:
    """Between two runs: the ends (logarithms) between which the machine's own change lies, as the canary `case` shows it. Either end is
    wrong with probability `spent`, which is taken from the comparison's level. `note` is a sentence."""

    case: str = ""
    ends: tuple[float, float] = NO_DRIFT
    spent: float = 0.0
    note: str = ""

    def of(self, metric: str) -> tuple[float, float]:
        """The ends for a metric: as they are for times, exchanged for rates, none for what the machine's speed does not touch."""
        low, high = self.ends
        return {1: (low, high), -1: (-high, -low), 0: NO_DRIFT}[power_of_drift(metric)]


def drift_between(base: Side, candidate: Side, asked: str, software: Mapping[str, tuple[Any, Any]], alpha: float) -> Drift:
    """The drift between two runs that both hold the canary. `software` is what differs between them: where that touches the canary
    itself, its figures say nothing of the machine.

    Half of alpha goes into the drift's own interval, so that a canary which wavers widens every claim and can never make one
    (Berger, Boos, JASA 89, 1994)."""
    name = canary_among([case for case in base.cases if case in candidate.cases], asked)
    sides = [list(one.cases[name].values.get("step_time_s", {}).values()) for one in (base, candidate)] if name else [[], []]
    if min(map(len, sides)) < LEAST_PROCESSES or not usable([*sides[0], *sides[1]]):
        return Drift()
    if touched := [fact for fact in software if fact in TOUCHING]:
        return Drift(note=f"{', '.join(touched)} differ, which the canary runs through: the machine's drift is not corrected for")
    found = machine_ends(Sample.of(*sides, paired=False), alpha)
    if found is None:
        return Drift(note=f"{name} ran in too few processes for this level: the machine's drift is not corrected for")
    low, high = found
    ends = units.changes(math.exp(low), math.exp(high))
    return Drift(name, (low, high), alpha / 2, f"machine drift, from {name}: {ends}; every change is judged at its less favourable end")


def machine_ends(canary: Sample, alpha: float) -> tuple[float, float] | None:
    """The ends of the drift (logarithms), each wrong with probability alpha / 2 at most; None where so few processes cannot tell."""
    if canary.least_p > alpha / 2:
        return None
    low, high, _ = RankTest(canary).interval(alpha / 2)
    return low, high
