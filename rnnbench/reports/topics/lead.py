"""The step that a headline is about, in words, and its cases."""

from typing import Any

import pandas as pd
from markupsafe import Markup

from rnnbench.analysis.growth import growth
from rnnbench.analysis.sweep import Sweep
from rnnbench.case import AXES, SHAPE
from rnnbench.reports import words
from rnnbench.reports.sentences import markup

_ALWAYS_NAMED = (*SHAPE, "bidirectional")


def context(sweep: Sweep, held: dict[str, Any]) -> Markup:
    """As "train step of lstm (fp32, fused)": the step that a sentence is about, with what it holds fixed."""
    first = sweep.lead.cases.iloc[0]
    full = {**{axis: first[axis] for axis in ("variant", "phase", "precision") if axis != sweep.x}, **sweep.lead.held, **held}
    variant, phase = full.pop("variant", None), full.pop("phase", None)
    thing = words.step(str(phase)) if phase else "step"
    noted = words.values({axis: value for axis, value in full.items() if axis != sweep.x and not _goes_without_saying(axis, value)})
    return markup("{}{}{}", thing, f" of {variant}" if variant else "", f" ({noted})" if noted else "")


def _goes_without_saying(axis: str, value: Any) -> bool:
    """Whether it is the default of an axis that few suites vary: one process, default buckets."""
    return axis in AXES and axis not in _ALWAYS_NAMED and AXES[axis].kind is not str and value == AXES[axis].default


def lead_rows(sweep: Sweep) -> tuple[dict[str, Any], pd.DataFrame]:
    """The cases that the headline is about: the lead slice at the hue's baseline."""
    lines = [(which, rows) for which, rows in sweep.lines(sweep.lead.cases) if growth(rows, sweep.x, "step_time_s")]
    wanted = sweep.baseline(sweep.hue) if sweep.hue else None
    at_base = [(which, rows) for which, rows in lines if which.get(sweep.hue) == wanted]
    return (at_base or lines or [({}, sweep.lead.cases)])[0]
