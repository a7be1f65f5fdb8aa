"""The page of `rnnbench history`: each series that changed, drawn with its levels and the commits between which each change came."""

from dataclasses import replace
from pathlib import Path

from rnnbench.errors import CannotWrite
from rnnbench.gate.formats.histories import edge, headline, row
from rnnbench.gate.history import History
from rnnbench.gate.series import Series
from rnnbench.gate.timeline import NEWEST
from rnnbench.journal import replace_whole
from rnnbench.record import METRICS
from rnnbench.reports.draw.history_chart import description, strip
from rnnbench.reports.forms.html import rendered
from rnnbench.spelling import spelt

MOST = 60  # drawn; the rest is in the table
_TONES = {True: "slow", False: "fast", None: ""}


def write_history(found: History, path: Path) -> Path:
    """Write the page and return its path. The series with the newest change come first; where none changed, all are drawn."""
    changed = list({(one.case, one.metric, one.machine): one for one, _ in (*found.changed, *found.pending)}.values())
    drawn = (changed or list(found.series))[:MOST]
    page = rendered(
        "history.html.j2",
        sheets=("report.css", "site.css"),
        headline=headline(found),
        pending=[{"case": spelt(one.case), "sentence": spelt(edge(one))} for one, _ in found.pending],
        rows=[{"tone": _TONES[change.worse], "cells": row(one, change)[1:]} for one, change in found.changed],
        figures=[_figure(one) for one in drawn],
        left=len(changed or found.series) - len(drawn),
        notes=found.notes,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(path, page.encode("utf-8", "replace"))
    except OSError as error:
        raise CannotWrite(path, error.strerror or error) from None
    return path


def _figure(one: Series) -> dict[str, object]:
    drawn = _drawn(one)
    return {
        "case": spelt(one.case),
        "machine": spelt(one.machine),
        "label": METRICS[one.metric].label,
        "description": description(drawn),
        "svg": strip(drawn),
        "changes": [{"tone": _TONES[change.worse], "cells": row(one, change)[3:7]} for change in one.changes],
    }


def _drawn(one: Series) -> Series:
    """The newest of the series, as a site's pages draw them."""
    left = max(0, len(one.points) - NEWEST)
    changes = [replace(change, shift=change.shift.later(-left)) for change in one.changes if change.at > left]
    waiting = one.pending and replace(one.pending, shift=one.pending.shift.later(-left))
    return replace(one, points=one.points[left:], changes=tuple(changes), left_out=left, pending=waiting)
