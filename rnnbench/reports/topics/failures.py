"""Cases that were not measured: how many ended how, with the reason where one serves all."""

from collections.abc import Iterator

from rnnbench.reports import words
from rnnbench.reports.sentences import markup
from rnnbench.reports.topics.topic import Sentence, Topic, View

LONGEST_REASON = 120
_ENDS = {
    "oom": "ran out of memory",
    "timeout": "timed out",
    "crashed": "crashed",
    "unsupported": "{is} not supported here",
    "diverged": "diverged",
    "failed": "raised an error",
    "lost": "{was} lost twice with a machine of the cluster",
}


def sentences(view: View) -> Iterator[Sentence]:
    """One sentence for each way to fail."""
    cases = view.sweep.cases
    if view.trainings and not (cases["status"] != "ok").any():
        return
    total = words.count(len(cases), "case")
    for status, how in _ENDS.items():
        lost = cases[cases["status"] == status]
        if lost.empty or (view.trainings and status == "diverged"):  # a result of a training: its own topic
            continue
        reasons = set(lost["reason"]) - {""}
        why = markup(": {}", reasons.pop()[:LONGEST_REASON]) if len(reasons) == 1 else ""
        single = len(lost) == 1
        verb = how.format_map({"is": "is" if single else "are", "was": "was" if single else "were"})
        yield Sentence(markup("<b>{}</b> of {} {}{}.", len(lost), total, verb, why), "cases", "trouble")


TOPIC = Topic(sentences, on="all")
