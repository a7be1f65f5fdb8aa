"""What a report topic is: sentences, tables and figures of one suite, each with the anchor at which its evidence stands."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from rnnbench.analysis.convergence import Trained
from rnnbench.analysis.sweep import Sweep
from rnnbench.record import METRICS, Run
from rnnbench.reports.draw.panels import Panel
from rnnbench.reports.table import Table
from rnnbench.roofline import Ceilings
from rnnbench.suite import METRIC, Reading

Kind = Literal["answer", "finding", "trouble"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One statement, as HTML whose data is escaped, and where on the page its evidence stands.

    An `answer` leads, a `trouble` comes last; within a kind sentences stand in the order of their topics."""

    html: Markup
    evidence: str
    kind: Kind = "finding"

    @property
    def text(self) -> str:
        """Without the markup."""
        return self.html.striptags()


@dataclass(frozen=True, slots=True)
class View:
    """All that a topic may look at: one suite's cases, the runs they come from, and how the suite reads its figures.

    `trainings` holds what was trained, by task; empty for a suite of timed steps."""

    sweep: Sweep
    runs: Sequence[Run]
    reading: Reading
    trainings: Mapping[str, Sequence[Trained]]
    ceilings: Ceilings | None = None

    @property
    def metric(self) -> str:
        """The metric that answers the suite's question, as far as its records hold it."""
        stated = self.reading.metric
        held = stated in METRICS and bool(self.sweep.cases[stated].notna().any())
        return stated if held and stated != METRIC else self.sweep.metric

    @property
    def key(self) -> str:
        """The beginning of every id of this suite on the page."""
        return self.sweep.key


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a report below the answer. Only pages call `draw`; Markdown and notebooks take the tables.

    `legend` pairs a name with the slot of its colour. The words of a `wide` figure stand above it, as its note."""

    anchor: str
    heading: str = ""
    note: str = ""
    tables: Sequence[tuple[str, Table]] = ()
    draw: Callable[[], Sequence[Panel]] | None = None
    legend: Sequence[tuple[str, int]] = ()
    wide: bool = False


def _nothing(_: View) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True)
class Topic:
    """`main` is the picture and table beside the answer; the first topic that has one wins. `on` description for which suites it speaks."""

    sentences: Callable[[View], Iterable[Sentence]] = _nothing
    blocks: Callable[[View], Iterable[Block]] = _nothing
    main: Callable[[View], Block | None] = lambda _: None
    on: Literal["timings", "trainings", "all"] = "timings"

    def speaks(self, view: View) -> bool:
        """Whether it has anything to do with this suite."""
        return self.on == "all" or (self.on == "trainings") == bool(view.trainings)


def fit_id(text: str) -> str:
    """`text` as an id in XML: letters, digits and dashes, at most 60."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)[:60]
