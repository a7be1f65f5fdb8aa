"""A history as JSON and Markdown."""

import json

from rnnbench import units
from rnnbench.gate.formats.markdown import Raw, code, plain, table
from rnnbench.gate.history import History
from rnnbench.gate.series import Change, Series
from rnnbench.record import METRICS

HEAD = ("", "case", "metric", "change", "from → to", "commits", "first run after", "machine", "triage")


def as_json(found: History) -> str:
    """Every series with its points and changes."""
    return json.dumps(as_dict(found), indent=1)


def as_dict(found: History) -> dict[str, object]:
    """Plain values, as JSON holds them."""
    return {"runs": found.runs, "notes": list(found.notes), "series": [_series(one) for one in found.series]}


def _series(one: Series) -> dict[str, object]:
    points = [
        {"run": point.run.id, "commit": point.run.hash, "at_utc": point.run.started_utc, "value": point.value} for point in one.measured
    ]
    changes = [{**_change(change), "p": change.shift.p} for change in one.changes]
    open_ = {**_change(one.pending), "runs_to_settle": one.settles_after} if one.pending else None
    head = {"case": one.case, "metric": one.metric, "machine": one.machine, "canary": one.canary}
    return {**head, "points": points, "changes": changes, "pending": open_}


def _change(change: Change) -> dict[str, object]:
    return {
        "at": change.at,
        "ratio": change.ratio,
        "before": change.before,
        "after": change.after,
        "worse": change.worse,
        "triage": {"state": change.triage.state, "reason": change.triage.reason} if change.triage else None,
        "commits": [change.last_before.run.hash, change.first_after.run.hash],
        "runs": [change.last_before.run.id, change.first_after.run.id],
    }


def as_markdown(found: History) -> str:
    """The changes, newest first."""
    rows = [row(one, change) for one, change in found.changed]
    shown = table(HEAD, [(*cells[:1], Raw(code(cells[1])), *cells[2:]) for cells in rows]) if rows else "No change point."
    waiting = "\n".join(f"* ⏳ {code(one.case)}: {plain(edge(one))}" for one, _ in found.pending)
    notes = "\n".join(f"* {plain(note)}" for note in found.notes)
    return "\n\n".join(part for part in (f"## rnnbench: {headline(found)}", shown, waiting, notes) if part) + "\n"


def edge(one: Series) -> str:
    """A series' pending change in one sentence, with what would settle it; empty without one."""
    if one.pending is None:
        return ""
    _, _, label, size, values, commits, _, machine, _ = row(one, one.pending)
    runs, more = len(one.measured) - one.pending.at, one.settles_after
    newest = "the newest run" if runs == 1 else f"the newest {runs} runs"
    settle = f"{more} more run{'' if more == 1 else 's'}"
    return f"{label} {size} in {newest} on {machine} ({values}, commits {commits}) is pending: {settle} at this level can confirm it"


def row(one: Series, change: Change) -> tuple[str, ...]:
    """One change as text, in the order of `HEAD`."""
    sign = {True: "❌", False: "✅", None: "❔"}[change.worse]
    values = f"{units.show(one.metric, change.shift.before)} → {units.show(one.metric, change.shift.after)}"
    label = METRICS[one.metric].label
    size, first = units.change(change.shift.ratio), change.first_after.run.id
    return (sign, one.case, label, size, values, change.commits, first, one.machine, change.triage_text)


def headline(found: History) -> str:
    """`3 change points in 48 series over 120 runs`."""
    count = len(found.changed)
    waiting = f", {len(found.pending)} pending" if found.pending else ""
    return f"{count or 'no'} change point{'' if count == 1 else 's'}{waiting} in {len(found.series)} series over {found.runs} runs"
