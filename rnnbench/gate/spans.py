"""Each metric of a case with the interval that its measurement supports, in base units."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rnnbench.analysis.fit import CONFIDENCE, Interval, median_interval, quantile_interval
from rnnbench.gate.side import summary
from rnnbench.record import METRICS, Record

TAILS = {"p95_s": 0.95, "p99_s": 0.99}


@dataclass(frozen=True, slots=True)
class Span:
    """A figure between two ends, which enclose the true one in a share `coverage` of measurements: 95 %, or less from two to five
    processes. `bounded` is False where one process gave one figure and nothing says how far it varies."""

    value: float
    low: float
    high: float
    bounded: bool = True
    coverage: float = CONFIDENCE

    @property
    def level(self) -> str:
        """What the interval is: `95 % CI`, or less."""
        return f"{math.floor(100 * min(self.coverage, CONFIDENCE)):g} % CI"

    @property
    def short(self) -> bool:
        """Whether the interval covers clearly less than 95 %."""
        return self.bounded and self.coverage < CONFIDENCE - 0.005


def spans_of(records: Sequence[Record]) -> dict[str, Span]:
    """Every metric that the measured processes of one case have: an exact figure as it is, a measured one with its interval.

    Over several processes the interval is of their figures; within one it is of its rounds, where they tell of the metric."""
    fine = [(record, summary(record)) for record in records if record.status == "ok"]
    found = {}
    for name, metric in METRICS.items():
        values = [figures[name] for _, figures in fine if math.isfinite(figures.get(name, math.nan))]
        if not values:
            continue
        middle = float(median(values))
        if metric.deterministic:
            found[name] = Span(middle, min(values), max(values))
            continue
        ends = median_interval(values) if len(fine) > 1 else _within(name, fine[0][0])
        found[name] = Span(middle, ends.low, ends.high, coverage=ends.coverage) if ends else Span(middle, middle, middle, bounded=False)
    return found


def _within(name: str, record: Record) -> Interval | None:
    """The interval that the rounds of one process give a metric; none where they say nothing of it."""
    metric, times_s = METRICS[name], record.times_s
    if name in TAILS:
        return quantile_interval(times_s, TAILS[name])
    if metric.interval == "step_time":
        step = median_interval(times_s)
        if step is None or name == "step_time_s" or step.low <= 0:
            return step if name == "step_time_s" else None
        work = record.metrics[name] * median(times_s)  # a rate's numerator: tokens, sequences, FLOPs
        return Interval(work / step.high, work / step.low, step.coverage)
    pairs = list(zip(times_s, record.beside_times_s, strict=False))
    if metric.interval == "difference":
        return median_interval([here - there for here, there in pairs])
    if metric.interval == "beside_ratio":
        return median_interval([here / there for here, there in pairs if there > 0])
    return None
