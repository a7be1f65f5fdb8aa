"""Networks that each solve a task of their own, so that none can replace another: what a step of each costs."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.choice import WAYS
from rnnbench.analysis.fit import where
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import words
from rnnbench.reports.sentences import markup
from rnnbench.reports.topics.topic import Sentence, Topic, View


def sentences(view: View) -> Iterator[Sentence]:
    """The step time of each variant in one sentence."""
    sweep = view.sweep
    if sweep.x != "variant" or "task" not in sweep.varying:
        return
    cases, held = one_case_per_variant(sweep)
    times = [markup("<b>{}</b> for {}", units.show("step_time_s", row["step_time_s"]), row["variant"]) for _, row in cases.iterrows()]
    phase = words.step(str(held.pop("phase")))
    if times:
        noted = f" ({words.values(held)})" if held else ""
        text = markup("A {}{} takes {}.", phase, noted, Markup(", ").join(times))
        yield Sentence(text, f"{view.key}-scaling", "answer")


def one_case_per_variant(sweep: Sweep) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One measured case of each variant, at the baseline of what is neither size nor task; and what that baseline is."""
    held = {
        axis: sweep.baseline(axis)
        for axis in dict.fromkeys(("phase", *WAYS))
        if axis != "variant" and (axis in sweep.varying or axis == "phase")
    }
    fine = where(sweep.cases, held)
    return fine[fine["status"] == "ok"].drop_duplicates("variant"), held


TOPIC = Topic(sentences)
