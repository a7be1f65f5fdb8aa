"""What a report says, before any form of it: sentences, tables, cases, warnings, the machine. Pages, Markdown and notebooks draw on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rnnbench.analysis.convergence import Trained, trained
from rnnbench.analysis.frames import Loaded
from rnnbench.analysis.sweep import Sweep, sweeps
from rnnbench.gate.policy import Policy
from rnnbench.record import METRICS, Run
from rnnbench.reports import run_facts, words
from rnnbench.reports.case_table import CaseTable, case_table
from rnnbench.reports.cautions import Caution, cautions
from rnnbench.reports.draw.roofline_chart import ceilings_of
from rnnbench.reports.file_names import safe_name
from rnnbench.reports.topics import order
from rnnbench.reports.topics.comparison import Difference, differences
from rnnbench.reports.topics.topic import Block, Sentence, View
from rnnbench.suite import Reading

_MOST_JOINED = 3


@dataclass(frozen=True, slots=True)
class Section:
    """One suite: the answer and further findings, what went wrong, what stands beside the answer, and the blocks below."""

    sweep: Sweep
    sizes: Sequence[str]
    findings: Sequence[Sentence]
    troubles: Sequence[Sentence]
    main: Block | None
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Content:
    """One run, or several side by side: then each further one is also compared with the first."""

    loaded: Sequence[Loaded]
    sections: Sequence[Section]
    differences: Sequence[Difference]
    table: CaseTable
    warnings: Sequence[Caution]
    fingerprint: Sequence[run_facts.Fact]

    @property
    def runs(self) -> list[Run]:
        """The runs."""
        return [one.run for one in self.loaded]

    @property
    def heads(self) -> list[tuple[Run, list[str]]]:
        """Each run in a few words."""
        return [(run, run_facts.headline(run)) for run in self.runs]

    @property
    def title(self) -> str:
        """The suites' titles."""
        asked = [str(suite.get("title") or suite.get("name")) for run in self.runs for suite in run.suites]
        titles = [section.sweep.title for section in self.sections] or asked
        return words.joined(list(dict.fromkeys(titles))) or "Nothing measured"

    @property
    def ceilings(self) -> bool:
        """Whether any case is compared with its machine's limits."""
        return any(section.sweep.cases["ceiling_share"].notna().any() for section in self.sections)

    @property
    def name(self) -> str:
        """The report's file name, without a suffix."""
        return file_name([run.id for run in self.runs])

    @property
    def total(self) -> int:
        """The number of cases."""
        return sum(len(section.sweep.cases) for section in self.sections)

    def data(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        labels = {name: metric.label for name, metric in METRICS.items()}
        columns = [column.as_dict() for column in self.table.columns]
        whole = {"labels": labels, "columns": columns, "rows": self.table.rows, "every": self.table.thinned}
        return {"runs": [run.as_dict() for run in self.runs], **whole}


def content(loaded: Sequence[Loaded], policy: Policy | None = None, *, every_sample: bool = False) -> Content:
    """All of these runs. A page thins out the raw samples of a large run; `every_sample` keeps them."""
    runs = [one.run for one in loaded]
    shown = views(runs)
    found = [view.sweep for view in shown]
    return Content(
        loaded=loaded,
        sections=[_section(view) for view in shown],
        differences=differences(loaded, found, policy or Policy()),
        table=case_table(found, runs, thin=not every_sample),
        warnings=cautions(loaded, found),
        fingerprint=run_facts.fingerprint(runs),
    )


def views(runs: Sequence[Run]) -> list[View]:
    """What the topics look at, one view for each suite that left a record."""
    about = {suite.get("name", ""): suite for run in runs for suite in run.suites}
    ceilings, groups = ceilings_of(runs), trained(runs)
    found = [sweep for sweep in sweeps(runs) if not sweep.cases.empty]
    return [View(sweep, runs, Reading.of(about.get(sweep.name, {})), _by_task(sweep.name, groups), ceilings) for sweep in found]


def _section(view: View) -> Section:
    sentences = order.sentences(view)
    return Section(
        sweep=view.sweep,
        sizes=run_facts.sizes(view.sweep, view.runs[0]),
        findings=[one for one in sentences if one.kind != "trouble"],
        troubles=[one for one in sentences if one.kind == "trouble"],
        main=order.main_block(view),
        blocks=list(order.blocks(view)),
    )


def _by_task(suite: str, groups: Sequence[Trained]) -> dict[str, list[Trained]]:
    """A suite's trainings, by what was learned."""
    found: dict[str, list[Trained]] = {}
    for group in groups:
        if group.axis("suite") == suite:
            found.setdefault(str(group.axis("task")), []).append(group)
    return found


def file_name(ids: Sequence[str]) -> str:
    """The runs' ids joined, fit for any file system; cut with a digest where too long or too many."""
    joined = "+".join(ids)
    return safe_name(joined) if len(ids) <= _MOST_JOINED else f"{safe_name(joined, 60)}"
