"""Gates that are held against each other in docs/gate.md: each says what it makes of pairs of processes, and how many it used up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pytest_benchmark.utils import PercentageRegressionCheck

from rnnbench.gate.canary import machine_ends
from rnnbench.gate.policy import ALPHA, MIN_EFFECT
from rnnbench.gate.statistics.decide import NO_DRIFT, Hypothesis, decide
from rnnbench.gate.statistics.evidence import Sample
from rnnbench.gate.statistics.sequential import ALPHA as SPENT
from rnnbench.gate.statistics.sequential import LookPlan, confirmed, decided
from rnnbench.gate.verdict import Finding

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


def hypothesis(pairs: Pairs, *, paired: bool, drift: tuple[float, float] = NO_DRIFT) -> Hypothesis:
    """As compare and duet make one."""
    a, b = np.median(pairs.a, axis=1), np.median(pairs.b, axis=1)
    finding = Finding(case="x", metric="step_time_s", verdict="inconclusive", min_effect=MIN_EFFECT, processes=(len(a), len(b)))
    return Hypothesis(finding, Sample.of(a, b, paired=paired), drift)


def by_compare(cases: Sequence[Pairs], count: int, canary: Pairs | None) -> list[str]:
    """`rnnbench compare` of two runs of so many processes, one after the other: A of the first pairs, B of those that follow. All cases
    are in one comparison, judged at the less favourable end of the machine's drift where a canary ran with them. `regressed` is what ends
    with 3."""
    runs = [Pairs(one.a[:count], one.b[count : 2 * count]) for one in cases]
    drift = NO_DRIFT
    if canary is not None:
        sides = (np.median(rounds, axis=1) for rounds in (canary.a[:count], canary.b[count : 2 * count]))
        drift = machine_ends(Sample.of(*sides, paired=False), ALPHA) or NO_DRIFT
    spent = ALPHA / 2 if drift != NO_DRIFT else 0.0
    found = decide([hypothesis(one, paired=False, drift=drift) for one in runs], ALPHA, spent=spent)
    return ["listed" if one.verdict == "regressed" and not one.failing else one.verdict for one in found]


def by_duet(pairs: Pairs) -> Said:
    """`rnnbench duet` of one case: interim analyses after 5, 10 and 20 pairs, each flag confirmed on fresh ones."""
    plan = LookPlan()
    for look, stage in enumerate(plan.stages):
        for key, flag in decided([hypothesis(pairs.some(0, stage), paired=True)], plan.level(look), 1, SPENT).items():
            if flag.verdict == "equivalent":
                return "equivalent", stage
            fresh = plan.fresh(stage)
            again = confirmed({key: flag}, {key: hypothesis(pairs.some(stage, fresh), paired=True)}, SPENT)[key]
            return again.verdict, stage + fresh
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
    "duet, up to 20 pairs": (40, by_duet),
    "pytest-benchmark `mean:5%`": (1, by_pytest_benchmark),
    f"{ASV}, factor 1.1": (2, lambda pairs: by_asv(pairs, 1.1)),
    f"{ASV}, factor 1.05": (2, lambda pairs: by_asv(pairs, 1.05)),
}
"""Name → the most pairs that it may ask for, and the rule for one case."""
COMPARES = {
    f"compare, {count} processes{', canary' if canary else ''}": (count, canary) for count in (5, 10, 20) for canary in (False, True)
}
"""Name → processes a side, and whether a canary ran with the cases."""
