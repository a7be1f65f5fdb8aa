"""What a report says, before any form of it: answers, tables, cases, warnings, the machine. Pages, Markdown and data all draw on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnbench.analysis.policy import Policy
from rnnbench.analysis.store import Loaded
from rnnbench.analysis.sweep import Sweep, sweeps
from rnnbench.record import METRICS, Run
from rnnbench.reports import facts, words
from rnnbench.reports.answer import Sentence, answer
from rnnbench.reports.crossings import crossing_tables
from rnnbench.reports.curves import gap_tables, quality_tables
from rnnbench.reports.difference import Difference, differences
from rnnbench.reports.efficiency import efficiency_tables
from rnnbench.reports.glance import Table, glance, in_turn, matrices
from rnnbench.reports.html import safe_name
from rnnbench.reports.lessons import lessons
from rnnbench.reports.tables import CaseTable, case_table

_MOST_JOINED = 3


@dataclass(frozen=True, slots=True)
class Section:
    """What is said of one suite."""

    sweep: Sweep
    sizes: Sequence[str]
    findings: Sequence[Sentence]
    troubles: Sequence[Sentence]
    table: Table | None
    tables: Sequence[tuple[str, Table]]
    glances: Mapping[str, Table]


@dataclass(frozen=True, slots=True)
class Content:
    """What is said of one run, or of several side by side: then each is also held against the first."""

    loaded: Sequence[Loaded]
    sections: Sequence[Section]
    differences: Sequence[Difference]
    table: CaseTable
    warnings: Sequence[facts.Caution]
    fingerprint: Sequence[facts.Fact]

    @property
    def runs(self) -> list[Run]:
        """The runs."""
        return [one.run for one in self.loaded]

    @property
    def heads(self) -> list[tuple[Run, list[str]]]:
        """Each run in a few words."""
        return [(run, facts.headline(run)) for run in self.runs]

    @property
    def title(self) -> str:
        """What was asked."""
        asked = [str(suite.get("title") or suite.get("name")) for run in self.runs for suite in run.suites]
        titles = [section.sweep.title for section in self.sections] or asked
        return words.joined(list(dict.fromkeys(titles))) or "Nothing measured"

    @property
    def ceilings(self) -> bool:
        """Whether any case is placed against its machine's limits."""
        return any(section.sweep.cases["ceiling_share"].notna().any() for section in self.sections)

    @property
    def name(self) -> str:
        """Fit for a file."""
        return file_name([run.id for run in self.runs])

    @property
    def total(self) -> int:
        """How many cases there are."""
        return sum(len(section.sweep.cases) for section in self.sections)

    def data(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        labels = {name: metric.label for name, metric in METRICS.items()}
        columns = [column.as_dict() for column in self.table.columns]
        whole = {"labels": labels, "columns": columns, "rows": self.table.rows, "every": self.table.thinned}
        return {"runs": [run.as_dict() for run in self.runs], **whole}


def content(loaded: Sequence[Loaded], policy: Policy | None = None, *, every_sample: bool = False) -> Content:
    """All that can be said of these runs. A page thins out the raw samples of a large run; `every_sample` keeps them."""
    runs = [one.run for one in loaded]
    found = [sweep for sweep in sweeps(runs) if not sweep.cases.empty]
    return Content(
        loaded=loaded,
        sections=[_section(sweep, runs) for sweep in found],
        differences=differences(loaded, found, policy or Policy()),
        table=case_table(found, runs, thin=not every_sample),
        warnings=facts.warnings(loaded, found),
        fingerprint=facts.fingerprint(runs),
    )


def _section(sweep: Sweep, runs: Sequence[Run]) -> Section:
    said, shown, turns, learned = answer(sweep), sweep.slices(), in_turn(sweep), lessons(sweep, runs)
    tables = [(f"{sweep.key}-matrix-{axis}", table) for axis, table in matrices(sweep)]
    qualities = list(quality_tables(sweep, runs))
    return Section(
        sweep=sweep,
        sizes=facts.sizes(sweep, runs[0]),
        findings=learned or [one for one in said if one.kind == "finding"],
        troubles=[one for one in said if one.kind != "finding"],
        table=glance(sweep, shown[0]) if shown and not learned else None,
        tables=[
            *crossing_tables(sweep),
            *gap_tables(sweep, runs),
            *((anchor, table) for anchor, table, drawn in qualities if not drawn),
            *efficiency_tables(sweep),
            *tables,
            *([(f"{sweep.key}-beside", turns)] if turns else []),
        ],
        glances={anchor: table for anchor, table, drawn in qualities if drawn}
        | {f"{sweep.key}-scaling-{number}": one for number, part in enumerate(shown) if number and (one := glance(sweep, part))},
    )


def file_name(ids: Sequence[str]) -> str:
    """The runs' ids joined, fit for any file system; cut with a digest where too long or too many."""
    joined = "+".join(ids)
    return safe_name(joined) if len(ids) <= _MOST_JOINED else f"{safe_name(joined, 60)}"
