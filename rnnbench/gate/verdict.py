"""The result of a comparison: Verdict, Finding, Comparison, and the exit code that follows."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_OK, EXIT_REGRESSION


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row of the table below: its exit code, and what it means."""

    name: str
    exit_code: int
    about: str


_ROWS = (
    ("regressed", EXIT_REGRESSION, "worse by more than the minimum effect"),
    ("broken", EXIT_REGRESSION, "measured in the base, fails in the candidate"),
    ("incompatible", EXIT_INCONCLUSIVE, "hardware or conditions differ, so times cannot be compared"),
    ("missing", EXIT_INCONCLUSIVE, "in the base only"),
    ("failed", EXIT_INCONCLUSIVE, "fails on both sides, or at one of two settings"),
    ("inconclusive", EXIT_INCONCLUSIVE, "neither a change nor equivalence could be shown"),
    ("mended", EXIT_OK, "failed in the base, measured in the candidate"),
    ("new", EXIT_OK, "in the candidate only"),
    ("renamed", EXIT_OK, "the same case under another suite's name; compared with it"),
    ("improved", EXIT_OK, "better by more than the minimum effect"),
    ("changed", EXIT_OK, "an exact figure differs: neither way is better, or the sides differ by design"),
    ("equivalent", EXIT_OK, "within the minimum effect"),
)
VERDICTS: dict[str, Verdict] = {row[0]: Verdict(*row) for row in _ROWS}
"""Gravest first."""
CHANGES = ("regressed", "improved", "changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict on one metric of one case, or on the whole case where `metric` is empty.

    `ratio` is candidate ÷ base. `low` and `high` are the ends of its interval, which holds the true ratio in a share `coverage` of
    repetitions. `detectable` is the change that would have been shown nine times of ten, None where none would have been. `p_worse` is
    of the test that the metric is worse by more than `min_effect`; `p_holm` is that corrected for the family's error rate, `p_bh` for
    the false discovery rate. A `regressed` that survives only the latter is listed and does not fail the comparison."""

    case: str
    metric: str = ""
    verdict: str
    base: float | None = None
    candidate: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    coverage: float | None = None
    min_effect: float | None = None
    detectable: float | None = None
    processes: tuple[int, int] = (0, 0)
    test: str = ""
    p_worse: float | None = None
    p_holm: float | None = None
    p_bh: float | None = None
    failing: bool = False
    reason: str = ""
    renamed_from: str = ""

    @property
    def change(self) -> float | None:
        """Relative change: 0.05 is five per cent more."""
        return None if self.ratio is None else self.ratio - 1

    @property
    def listed(self) -> bool:
        """Whether it is likely worse and does not fail the comparison."""
        return self.verdict == "regressed" and not self.failing

    @property
    def exit_code(self) -> int:
        """The exit code of this finding alone."""
        if self.listed:
            return EXIT_INCONCLUSIVE
        return VERDICTS[self.verdict].exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every finding, gravest first, and what both sides were.

    `design` holds what the sides differ in on purpose, axis or environment variable → (base, candidate): then exact figures are
    `changed` where they differ, never `regressed`, and step times are compared as ever."""

    base: str
    candidate: str
    findings: Sequence[Finding]
    paired: bool
    alpha: float
    differences: Mapping[str, tuple[Any, Any]]
    design: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def confidence(self) -> float:
        """The level of the intervals: both one-sided tests at alpha leave 1 − 2·alpha between them."""
        return 1 - 2 * self.alpha

    @property
    def by_design(self) -> bool:
        """Whether the sides are two settings, rather than two versions of the same."""
        return bool(self.design)

    @property
    def counts(self) -> dict[str, int]:
        """How many findings of each verdict, gravest first."""
        found = Counter(finding.verdict for finding in self.findings)
        return {name: found[name] for name in VERDICTS if found[name]}

    @property
    def exit_code(self) -> int:
        """3 where anything regressed or broke, else 4 where anything is inconclusive, else 0."""
        codes = {finding.exit_code for finding in self.findings}
        grave = (EXIT_REGRESSION, EXIT_INCONCLUSIVE)
        return next((code for code in grave if code in codes), EXIT_OK if codes else EXIT_INCONCLUSIVE)


def gravest_first(findings: Sequence[Finding]) -> list[Finding]:
    """By verdict, then by size of the change, then as they came."""
    ranks = {name: rank for rank, name in enumerate(VERDICTS)}

    def key(finding: Finding) -> tuple[int, bool, float]:
        size = abs(math.log(finding.ratio)) if finding.ratio and finding.ratio > 0 else 0.0
        return ranks[finding.verdict], not finding.failing, -size

    return sorted(findings, key=key)
