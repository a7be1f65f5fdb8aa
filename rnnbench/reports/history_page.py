"""The page of `rnnbench history`: each series that changed, drawn with its levels and the commits between which each change came."""

from pathlib import Path

from rnnbench.analysis import digest
from rnnbench.analysis.formats.histories import headline, row
from rnnbench.analysis.history import History, Point, Series
from rnnbench.errors import CannotWrite
from rnnbench.journal import replace_whole
from rnnbench.record import METRICS
from rnnbench.reports.html import rendered
from rnnbench.reports.strip import says, strip
from rnnbench.spelling import spelt

MOST = 60  # drawn; the rest is in the table
_TONES = {True: "slow", False: "fast", None: ""}


def write_history(found: History, path: Path) -> Path:
    """Write the page and return its path. The series with the newest change come first; where none changed, all are drawn."""
    changed = list(dict.fromkeys(one for one, _ in found.changed))
    drawn = (changed or list(found.series))[:MOST]
    page = rendered(
        "history.html.j2",
        sheets=("report.css", "site.css"),
        headline=headline(found),
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
        "says": says(drawn),
        "svg": strip(drawn),
        "changes": [{"tone": _TONES[change.worse], "cells": row(one, change)[3:7]} for change in one.changes],
    }


def _drawn(one: Series) -> digest.Series:
    """The newest of the series, as a site's pages draw them."""
    left = max(0, len(one.points) - digest.NEWEST)
    points = [digest.Point(_line(point), "ok", point.value, None, None) for point in one.points[left:]]
    changes = [change.shift.later(-left) for change in one.changes if change.shift.at > left]
    return digest.Series(one.metric, one.machine, points, changes, left, one.canary)


def _line(point: Point) -> digest.RunLine:
    return digest.RunLine(point.run, "", point.at_utc, "", (), "", point.commit[:10], {}, 0)
