"""How near the cases come to the machine's own limits."""

from collections.abc import Iterator
from functools import partial

from rnnbench.reports import words
from rnnbench.reports.draw.panels import Panel
from rnnbench.reports.draw.roofline_chart import roofline
from rnnbench.reports.sentences import markup
from rnnbench.reports.topics.topic import Block, Sentence, Topic, View, fit_id


def sentences(view: View) -> Iterator[Sentence]:
    """A share above 100 % means that the ceiling, not the case, was measured wrongly."""
    shares = view.sweep.cases["ceiling_share"]
    above = shares[shares > 1]
    if above.empty:
        return
    yield Sentence(
        markup("<b>{}</b> {} the measured ceiling, by up to {:.0f} %: the ceiling was measured too low, so each share is an upper bound."
            " Measure it again with rnnbench doctor on a quiet machine.", words.count(len(above), "case"),
            "exceeds" if len(above) == 1 else "exceed", (float(above.max()) - 1) * 100),
        "cases", "trouble",
    )  # fmt: skip


def blocks(view: View) -> Iterator[Block]:
    """The roofline, where the machine's ceilings are known."""
    known = (view.sweep.cases["status"] == "ok") & (view.sweep.cases["achieved_flops_per_s"] > 0)
    if view.ceilings and known.any():
        yield Block(f"{view.key}-roofline", "Distance to the machine's limits", draw=partial(_panels, view), wide=True)


def _panels(view: View) -> list[Panel]:
    panel = roofline(view.sweep, view.ceilings, fit_id(f"{view.key}-roofline")) if view.ceilings else None
    return [panel] if panel else []


TOPIC = Topic(sentences, blocks)
