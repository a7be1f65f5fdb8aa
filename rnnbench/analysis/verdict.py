"""What a comparison says: Verdict, Finding, Comparison, and the exit code that follows."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_OK, EXIT_REGRESSION


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row of the table below: the exit code that it asks for, and what it means."""

    name: str
    exit_code: int
    about: str


_ROWS = (
    ("regressed", EXIT_REGRESSION, "worse, surely by more than the minimum effect"),
    ("broken", EXIT_REGRESSION, "was measured in the base, fails in the candidate"),
    ("incompatible", EXIT_INCONCLUSIVE, "machine or conditions differ, so the figures cannot be held against each other"),
    ("missing", EXIT_INCONCLUSIVE, "in the base, not in the candidate"),
    ("failed", EXIT_INCONCLUSIVE, "fails on both sides"),
    ("inconclusive", EXIT_INCONCLUSIVE, "neither a change nor its absence could be shown"),
    ("mended", EXIT_OK, "failed in the base, is measured in the candidate"),
    ("new", EXIT_OK, "not in the base"),
    ("renamed", EXIT_OK, "the same case under another suite's name, and compared as such"),
    ("improved", EXIT_OK, "better, surely by more than the minimum effect"),
    ("changed", EXIT_OK, "an exact figure that is neither good nor bad is another one"),
    ("equivalent", EXIT_OK, "surely within the minimum effect"),
)
VERDICTS: dict[str, Verdict] = {row[0]: Verdict(*row) for row in _ROWS}
"""Gravest first."""
CHANGES = ("regressed", "improved", "changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict on one metric of one case, or on the whole case where `metric` is empty.

    `ratio` is candidate ÷ base, `low` and `high` enclose it at the comparison's level. `p_worse` is of the test that the metric is
    worse by more than `min_effect`; `p_holm` and `p_bh` are that corrected for all such tests. A `regressed` that does not survive
    Holm's correction is listed and does not fail the comparison."""

    case: str
    metric: str = ""
    verdict: str
    base: float | None = None
    candidate: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
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
    def exit_code(self) -> int:
        """What this finding alone would end with."""
        if self.verdict == "regressed" and not self.failing:
            return EXIT_INCONCLUSIVE
        return VERDICTS[self.verdict].exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every finding, gravest first, and what both sides were."""

    base: str
    candidate: str
    findings: Sequence[Finding]
    paired: bool
    alpha: float
    differences: Mapping[str, tuple[Any, Any]]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many findings of each verdict, gravest first."""
        found = Counter(finding.verdict for finding in self.findings)
        return {name: found[name] for name in VERDICTS if found[name]}

    @property
    def exit_code(self) -> int:
        """3 where anything regressed or broke, else 4 where anything could not be told, else 0."""
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
