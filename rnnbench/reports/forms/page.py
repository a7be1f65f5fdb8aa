"""One self-contained HTML file: everything inline, nothing asked of any network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.analysis.frames import Loaded
from rnnbench.errors import CannotWrite
from rnnbench.gate.policy import Policy
from rnnbench.journal import replace_whole
from rnnbench.record import STATUSES
from rnnbench.reports.content import Content, content, file_name
from rnnbench.reports.draw.panels import Panel
from rnnbench.reports.forms.html import embedded, rendered
from rnnbench.reports.topics.topic import Block

__all__ = ["Live", "drawn", "file_name", "render", "render_content", "write", "write_report"]


@dataclass(frozen=True, slots=True)
class Part:
    """A block of a page with its figures drawn."""

    block: Block
    note: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The blocks of one suite: what stands beside the answer, and the rest."""

    main: Part | None
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Live:
    """A run in progress: how many of its records are there, and how often the page should reload."""

    done: int
    planned: int
    every_s: int


def write_report(runs: Sequence[Loaded], out_dir: Path) -> Path:
    """Write the page of these runs and return its path. Raises CannotWrite; an older page of that name stays whole."""
    report = content(runs)
    return write(out_dir / f"{report.name}.html", render_content(report).encode("utf-8", "replace"))


def write(path: Path, data: bytes) -> Path:
    """A file, whole or not at all, and the folder that it stands in."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(path, data)
    except OSError as error:
        raise CannotWrite(path, error.strerror or error) from None
    return path


def render(loaded: Sequence[Loaded], policy: Policy | None = None, live: Live | None = None) -> str:
    """The report as HTML. The same runs give the same bytes."""
    return render_content(content(loaded, policy), live)


def render_content(report: Content, live: Live | None = None) -> str:
    """What `content` found, as HTML."""
    return rendered(
        "page.html.j2",
        "report.js",
        report=report,
        figures=drawn(report),
        live=live,
        budgets=[_budget(run.arguments) for run in report.runs],
        shared=any(run.arguments.get("isolation") == "suite" for run in report.runs),
        statuses=STATUSES,
        data=embedded(report.data()),
    )


def drawn(report: Content) -> dict[str, Drawn]:
    """The figures of each suite, by its key. Blocks that turn out to be empty are left out."""
    found = {}
    for section in report.sections:
        parts = [part for block in section.blocks if (part := _part(block)).panels or block.tables or block.note]
        found[section.sweep.key] = Drawn(_part(section.main) if section.main else None, parts)
    return found


def _part(block: Block) -> Part:
    panels = block.draw() if block.draw else ()
    words = " ".join(panel.description for panel in panels) if block.wide else ""
    return Part(block, " ".join(filter(None, (words, block.note))), panels)


def _budget(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    budget = arguments.get("budget")
    stated = budget if isinstance(budget, dict) else {}
    return {
        name: value
        for name, value in stated.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    }
