"""The page of `rnnbench choose`: the answer, how sure it is, the ranking as a chart and a table, and what was not covered."""

from pathlib import Path

from rnnbench.reports.answer import Answer
from rnnbench.reports.draw.ranking_chart import ranking_chart
from rnnbench.reports.forms.html import rendered
from rnnbench.reports.forms.page import write


def write_choice(found: Answer, out_dir: Path) -> Path:
    """Write the page and return its path. Raises CannotWrite."""
    return write(out_dir / f"{found.id}.html", choice_page(found).encode("utf-8", "replace"))


def choice_page(found: Answer) -> str:
    """The page as HTML. The same answer gives the same bytes."""
    return rendered("choice.html.j2", found=found, chart=ranking_chart(found))
