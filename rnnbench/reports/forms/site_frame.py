"""What every page of a site shares: its title, its counts, its suites."""

from collections.abc import Sequence
from dataclasses import dataclass

from rnnbench.case import AXES
from rnnbench.gate.timeline import CaseLine
from rnnbench.reports import words
from rnnbench.spelling import spelt

_AXES = tuple(AXES)


@dataclass(frozen=True, slots=True)
class SuiteLine:
    """One suite: its page, and the axes that tell its cases apart."""

    name: str
    title: str
    question: str
    page: str
    count: int
    free: tuple[int, ...]

    def called(self, case: CaseLine) -> str:
        """A case by what tells it from the others."""
        return words.values({_AXES[place]: case.axes[place] for place in self.free}) if case.axes and self.free else spelt(case.id)


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page shows around its own content."""

    title: str
    runs: int
    cases: int
    suites: Sequence[SuiteLine]
