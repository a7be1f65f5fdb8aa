"""How a metric grows along a swept number, and which fit may be quoted."""

import math
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from rnnbench.analysis.fit import CONFIDENCE, Fit, line, power


@dataclass(frozen=True, slots=True)
class Growth:
    """One metric along x for cases alike in all else. Points are (x, y), by x, `ends` their intervals; fits of times need four points."""

    points: tuple[tuple[float, float], ...]
    ends: tuple[tuple[float, float], ...]
    line: Fit | None
    power: Fit | None

    @property
    def total(self) -> float:
        """The last ÷ the first."""
        return self.points[-1][1] / self.points[0][1]

    @property
    def total_ends(self) -> tuple[float, float] | None:
        """An interval of `total` that is never too narrow: the quotients of the far ends. None where a point has no interval."""
        (low, high), (last_low, last_high) = self.ends[0], self.ends[-1]
        found = (last_low / high, last_high / low)
        return found if all(map(math.isfinite, found)) else None

    @property
    def doubling(self) -> tuple[float, float, float] | None:
        """What doubling x multiplies y by, and the ends of its interval; None where no power law may be quoted."""
        if self.power is None or not self.power.good:
            return None
        return 2**self.power.value, 2**self.power.low, 2**self.power.high

    @property
    def each(self) -> Fit | None:
        """The line, if it may be quoted. Its slope may be near 0: to quote only clear slopes would select those that are too steep."""
        return self.line if self.line is not None and self.line.good else None

    @property
    def best(self) -> Fit | None:
        """The fit to draw: whichever good one lies nearer its points."""
        good = [fit for fit in (self.power, self.line) if fit is not None and fit.good]
        return min(good, key=lambda fit: fit.worst) if good else None


def growth(cases: pd.DataFrame, x: str, metric: str) -> Growth | None:
    """The growth of `metric` over the measured cases; None with fewer than two."""
    fine = cases[(cases["status"] == "ok") & (cases[metric] > 0)].sort_values(x)
    if fine[x].nunique() < 2:
        return None
    xs, ys = fine[x].astype(float), fine[metric].astype(float)
    sampled = metric == "step_time_s"
    error = standard_error(fine) if sampled else None
    ends = zip(*((fine["step_time_low"], fine["step_time_high"]) if sampled else (ys, ys)), strict=True)
    return Growth(
        tuple(zip(xs, ys, strict=True)), tuple(ends), line(xs, ys, error, exact=not sampled), power(xs, ys, error, exact=not sampled)
    )


def standard_error(cases: pd.DataFrame) -> "pd.Series[float]":
    """Of the median step time, as its interval implies; NaN where there is none."""
    widths = (cases["step_time_high"] - cases["step_time_low"]) / 2
    return widths / stats.norm.ppf(0.5 + cases["step_time_coverage"].clip(upper=0.999).fillna(CONFIDENCE) / 2)


def rises(found: Growth) -> list[tuple[float, float, float]]:
    """From each point to the next: (from x, to x, ratio of y)."""
    return [(a, b, later / before) for (a, before), (b, later) in zip(found.points, found.points[1:], strict=False)]
