"""One self-contained HTML file: everything inline, nothing asked of any network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.analysis.policy import Policy
from rnnbench.analysis.store import Loaded
from rnnbench.errors import CannotWrite
from rnnbench.journal import replace_whole
from rnnbench.record import STATUSES
from rnnbench.reports.content import Content, content, file_name
from rnnbench.reports.curves import curve_groups
from rnnbench.reports.figures import Group, groups, main_panel
from rnnbench.reports.html import embedded, rendered
from rnnbench.reports.panels import Panel
from rnnbench.reports.roof import ceilings_of
from rnnbench.reports.tables import times

__all__ = ["Live", "drawn", "file_name", "render", "render_content", "write", "write_report"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The figures of one suite."""

    panel: Panel | None
    groups: Sequence[Group]


@dataclass(frozen=True, slots=True)
class Live:
    """A run that goes on: how many of its cases are done, and how often the page should look again."""

    done: int
    planned: int
    every_s: int


def write_report(runs: Sequence[Loaded], out_dir: Path) -> Path:
    """Write the page of these runs and return its path. Raises CannotWrite; an older page of that name stays whole."""
    said = content(runs)
    return write(out_dir / f"{said.name}.html", render_content(said).encode("utf-8", "replace"))


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


def render_content(said: Content, live: Live | None = None) -> str:
    """What `content` found, as HTML."""
    return rendered(
        "page.html.j2",
        "report.js",
        said=said,
        figures=drawn(said),
        live=live,
        budgets=[_budget(run.arguments) for run in said.runs],
        shared=any(run.arguments.get("isolation") == "suite" for run in said.runs),
        statuses=STATUSES,
        data=embedded(said.data()),
    )


def drawn(said: Content) -> dict[str, Drawn]:
    """The figures of each suite, by its key."""
    raw, ceilings = times(said.runs), ceilings_of(said.runs)
    found = {}
    for section in said.sections:
        learned = list(curve_groups(section.sweep, said.runs))
        shown = bool(section.sweep.slices()) and not (learned and set(section.sweep.cases["phase"]) == {"converge"})  # curves tell all
        panel, rest = (main_panel(section.sweep), groups(section.sweep, raw, ceilings)) if shown else (None, [])
        found[section.sweep.key] = Drawn(panel, [*learned, *rest])
    return found


def _budget(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    budget = arguments.get("budget")
    told = budget if isinstance(budget, dict) else {}
    return {
        name: value for name, value in told.items() if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    }
