"""Sequences of unlike length: what they cost against equal ones, and whether packing or sorting pays."""

import math
import re
from collections.abc import Iterator

import pandas as pd
from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.fit import contrast
from rnnbench.case import FIXED_LENGTHS, PACKINGS
from rnnbench.reports import words
from rnnbench.reports.sentences import markup
from rnnbench.reports.topics.speedups import apart_by, versus
from rnnbench.reports.topics.topic import Sentence, Topic, View

PADDED = "padded"
_TIMES = ("step_time_s", "step_time_low", "step_time_high")
_DOING = {"packed": "packing", "bucketed": "bucketing"}
_FIRST_LETTER = re.compile(r"(?<=^<b>)\w|^\w")


def sentences(view: View) -> Iterator[Sentence]:
    """For each distribution of lengths: what a real time step costs against one of equal lengths, and every packing against padding."""
    sweep = view.sweep
    if not {"packing", "lengths"} & set(sweep.varying):
        return
    asked = sweep.x == "packing"
    for lengths in (one for one in sweep.values("lengths") if one != FIXED_LENGTHS):
        for text in (*_costs(sweep.cases, lengths), *_against_padding(sweep.cases, lengths)):
            yield Sentence(text, f"{view.key}-scaling", "answer" if asked else "finding")
        asked = False  # the first lengths answer the suite's question


def _against_padding(cases: pd.DataFrame, lengths: str) -> Iterator[Markup]:
    """Step times on the same sequences."""
    here = cases[cases["lengths"] == lengths]
    for packing in (one for one in PACKINGS if one != PADDED and one in set(here["packing"])):
        if found := _told(here, "packing", (packing, PADDED), (f"{_DOING[packing]} {_named(lengths)}", "padding")):
            yield found


def _costs(cases: pd.DataFrame, lengths: str) -> Iterator[Markup]:
    """Time per real time step in each packing, against equal lengths, which hold no padding."""
    real = cases["tokens_per_s"] * cases["step_time_s"]
    each = cases.assign(**{name: cases[name] / real for name in _TIMES})
    for packing in (one for one in PACKINGS if one in set(cases.loc[cases["lengths"] == lengths, "packing"])):
        unlike = each[(each["lengths"] == lengths) & (each["packing"] == packing)]
        both = pd.concat([each[each["lengths"] == FIXED_LENGTHS], unlike.assign(packing=PADDED)])
        names = (f"a {packing} batch of {_named(lengths)}", "a batch of equal lengths")
        if found := _told(both, "lengths", (lengths, FIXED_LENGTHS), names):
            share = float(unlike.loc[unlike["status"] == "ok", "padding_share"].median())
            padding = "" if math.isnan(share) else f": {units.percent(share)} of the positions are padding"
            yield found + markup(" This is per real time step{}.", padding)


def _told(cases: pd.DataFrame, axis: str, pair: tuple[str, str], names: tuple[str, str]) -> Markup | None:
    """One sentence for all variants, or apart where they disagree. None where no two cases match."""
    whole = contrast(cases, axis, *pair)
    if whole is None:
        return None
    found = (None if whole.clear else apart_by(cases, "variant", axis, pair, names)) or versus(*names, whole)
    return Markup(_FIRST_LETTER.sub(lambda letter: letter[0].upper(), found, count=1))  # noqa: S704 - escaped already


def _named(lengths: str) -> str:
    return words.value("lengths", lengths) if lengths in ("uniform", "skewed") else f"lengths of {words.value('lengths', lengths)}"


TOPIC = Topic(sentences)
