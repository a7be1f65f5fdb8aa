"""Gates that are held against each other in docs/gate.md: each says what it makes of pairs of processes, and how many it used up."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pytest_benchmark.utils import PercentageRegressionCheck

from rnnbench.analysis.compare import Trial, decide
from rnnbench.analysis.evidence import Sample
from rnnbench.analysis.policy import ALPHA, MIN_EFFECT
from rnnbench.analysis.sequential import ALPHA as SPENT
from rnnbench.analysis.sequential import LookPlan, confirmed, decided
from rnnbench.analysis.verdict import Finding

try:  # its own code where it is installed (pip install asv), else the rule as asv's documentation has it
    from asv.commands.compare import _is_result_better as asv_is_better
except ImportError:
    asv_is_better = None
ASV = "asv" if asv_is_better else "asv's rule"
Said = tuple[str, int]
"""A verdict, and how many pairs it took."""


@dataclass(frozen=True)
class Pairs:
    """Rounds of so many pairs of processes, adjacent in time: (pairs, rounds) seconds of A and of B."""

    a: np.ndarray
    b: np.ndarray

    def __len__(self) -> int:
        return len(self.a)

    def some(self, first: int, count: int) -> "Pairs":
        """`count` of them from `first`."""
        return Pairs(self.a[first : first + count], self.b[first : first + count])


def trial(pairs: Pairs, *, paired: bool) -> Trial:
    """As compare and duet make one."""
    a, b = np.median(pairs.a, axis=1), np.median(pairs.b, axis=1)
    finding = Finding(case="x", metric="step_time_s", verdict="inconclusive", min_effect=MIN_EFFECT, processes=(len(a), len(b)))
    return Trial(finding, Sample.of(a, b, paired=paired))


def by_compare(pairs: Pairs, count: int) -> Said:
    """`rnnbench compare` of two runs of so many processes, one after the other: A of the first pairs, B of those that follow."""
    runs = Pairs(pairs.a[:count], pairs.b[count : 2 * count])
    return decide([trial(runs, paired=False)], ALPHA)[0].verdict, 2 * count


def by_duet(pairs: Pairs) -> Said:
    """`rnnbench duet`: looks after 5, 10 and 20 pairs, each flag confirmed on fresh ones."""
    plan = LookPlan()
    for look, stage in enumerate(plan.stages):
        found = decided([trial(pairs.some(0, stage), paired=True)], plan.level(look), 1)
        for flag in found.values():
            if flag.verdict == "equivalent":
                return "equivalent", stage
            fresh = plan.fresh(stage)
            return confirmed(flag, trial(pairs.some(stage, fresh), paired=True), SPENT).verdict, stage + fresh
    return "inconclusive", plan.stages[-1]


def by_pytest_benchmark(pairs: Pairs) -> Said:
    """`--benchmark-compare-fail=mean:5%`, with pytest-benchmark's own check: one session a side."""
    current, before = ({"mean": float(np.mean(rounds[0]))} for rounds in (pairs.b, pairs.a))
    return "regressed" if PercentageRegressionCheck("mean", 5).fails(current, before) else "fine", 1


def by_asv(pairs: Pairs, factor: float) -> Said:
    """asv's rule over the pooled rounds of two processes a side: medians differ by the factor, and a U test says below 0.002."""
    a, b = pairs.a[:2].ravel(), pairs.b[:2].ravel()
    if asv_is_better:
        worse = asv_is_better(np.median(a), np.median(b), ({"repeat": len(a)}, list(a)), ({"repeat": len(b)}, list(b)), factor)
    else:
        from scipy import stats

        worse = np.median(a) < np.median(b) / factor and stats.mannwhitneyu(a, b).pvalue < 0.002
    return "regressed" if worse else "fine", 2


RULES: dict[str, tuple[int, Callable[[Pairs], Said]]] = {
    **{f"compare, {count} processes": (2 * count, lambda pairs, count=count: by_compare(pairs, count)) for count in (10, 20, 25)},
    "duet, up to 20 pairs": (40, by_duet),
    "pytest-benchmark `mean:5%`": (1, by_pytest_benchmark),
    f"{ASV}, factor 1.1": (2, lambda pairs: by_asv(pairs, 1.1)),
    f"{ASV}, factor 1.05": (2, lambda pairs: by_asv(pairs, 1.05)),
}
"""Name → the most pairs that it may ask for, and the rule."""
