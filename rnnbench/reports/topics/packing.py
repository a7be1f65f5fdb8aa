"""Sequences of unlike length: what they cost against equal ones, and whether packing or sorting pays."""

from collections.abc import Iterator

import pandas as pd
from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.fit import contrast
from rnnbench.case import FIXED_LENGTHS, PACKINGS
from rnnbench.reports import comparatives, words
from rnnbench.reports.sentences import markup
from rnnbench.reports.topics.speedups import joined, versus
from rnnbench.reports.topics.topic import Sentence, Topic, View

PADDED = "padded"


def sentences(view: View) -> Iterator[Sentence]:
    """For each distribution of lengths: every packing against padding, by variant where they disagree; then the cost of padding itself."""
    sweep = view.sweep
    if not {"packing", "lengths"} & set(sweep.varying):
        return
    cases, first = sweep.cases, sweep.x == "packing"
    for lengths in (one for one in sweep.values("lengths") if one != FIXED_LENGTHS):
        here = cases[cases["lengths"] == lengths]
        for packing in (one for one in PACKINGS if one != PADDED and one in set(here["packing"])):
            for text in _against_padding(here, lengths, packing):
                yield Sentence(text, f"{view.key}-scaling", "answer" if first else "finding")
        first = False  # the first lengths answer the suite's question
    for lengths in (one for one in sweep.values("lengths") if one != FIXED_LENGTHS):
        if cost := _cost(cases, lengths):
            yield Sentence(cost, f"{view.key}-scaling", "finding")


def _against_padding(here: pd.DataFrame, lengths: str, packing: str) -> Iterator[Markup]:
    """One sentence if the variants agree clearly, else what each found. Both packings read the same sequences."""
    found = {name: one for name in here["variant"].unique() if (one := contrast(here[here["variant"] == name], "packing", packing, PADDED))}
    if not found:
        return
    whole = contrast(here, "packing", packing, PADDED)
    within = markup("{}: ", words.capitalized(words.value("lengths", lengths)))
    if whole is not None and whole.clear:
        yield within + versus(_name(packing), _name(PADDED), whole)
        return
    parts = []
    for name, one in found.items():
        parts.append(markup("<b>{}</b> for {}{}", comparatives.speed(one.ratio), name, "" if one.clear else " (within noise)"))
    yield markup("{}compared with {}, {} is {}.", within, _name(PADDED), _name(packing), joined(parts))


def _cost(cases: pd.DataFrame, lengths: str) -> Markup | None:
    """Real time steps per second, padded, against a batch of equal lengths."""
    fine = cases[cases["packing"] == PADDED]
    found = contrast(fine, "lengths", lengths, FIXED_LENGTHS, "tokens_per_s")
    share = fine[(fine["lengths"] == lengths) & (fine["status"] == "ok")].get("padding_share")
    if found is None or share is None or share.isna().all():
        return None
    return markup(
        "Padded to one length, {} leave <b>{}</b> of the tokens/s of equal ones: {} of the positions are padding.",
        words.value("lengths", lengths), units.percent(found.ratio), units.percent(float(share.median())),
    )  # fmt: skip


def _name(packing: str) -> str:
    return {"padded": "padding", "packed": "packing", "bucketed": "bucketing by length"}[packing]


TOPIC = Topic(sentences)
