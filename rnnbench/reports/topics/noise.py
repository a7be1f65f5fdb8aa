"""Noise: how many medians are poorly known."""

from collections.abc import Iterator

from rnnbench import units
from rnnbench.reports import words
from rnnbench.reports.sentences import markup
from rnnbench.reports.topics.topic import Sentence, Topic, View

NOISY = 0.1  # half-width of a median's interval ÷ the median


def sentences(view: View) -> Iterator[Sentence]:
    """One warning; the answer itself where most cases are noisy."""
    cases = view.sweep.cases
    fine = cases[cases["status"] == "ok"]
    wide = int(((fine["step_time_high"] - fine["step_time_low"]) / 2 / fine["step_time_s"] > NOISY).sum())
    if not wide:
        return
    many = words.count(len(fine), "case")
    if wide * 2 > len(fine) > 1:
        lead = (
            "<b>Too noisy to rely on</b>: in <b>{}</b> of {} the step time is known no better than ±{}. Measure again on a quiet machine."
        )
        yield Sentence(markup(lead, wide, many, units.percent(NOISY)), "cases", "answer")
        return
    verb = "is" if wide == 1 else "are"
    tail = "<b>{}</b> of {} {} noisy: the step time is known no better than ±{}. Measure again on a quiet machine."
    yield Sentence(markup(tail, wide, many, verb, units.percent(NOISY)), "cases", "trouble")


TOPIC = Topic(sentences)
