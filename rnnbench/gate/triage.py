"""The triage file of a history: change points that someone has looked at, each with a state and a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rnnbench.errors import BadValue, UnknownName
from rnnbench.gate.history import History
from rnnbench.gate.policy import known_metric, read_toml
from rnnbench.gate.series import TRIAGE_STATES, Change, Series, Triage
from rnnbench.record import METRICS

FILE = "triage.toml"
_KEYS = ("case", "metric", "commits", "state", "reason")
_SHORTEST_HASH = 7


@dataclass(frozen=True, slots=True)
class Entry:
    """One `[[change]]`. `case` is a name or a pattern; `ends` are the two hashes of `commits`, shortened as the user likes."""

    case: str
    metric: str
    ends: tuple[str, str]
    triage: Triage

    def fits(self, one: Series, change: Change) -> bool:
        """Whether it speaks of this change. The place of a sampled change may move by a run as more runs arrive, so one common end of
        the range is enough; an exact figure's change must have both."""
        if one.metric != self.metric or not fnmatchcase(one.case, self.case):
            return False
        known = _hashes(change)
        if METRICS[one.metric].deterministic:
            return all(map(_begins, known, self.ends))
        return any(_begins(whole, end) for whole in known for end in self.ends)


def read_triage(path: Path, *, needed: bool) -> tuple[Entry, ...]:
    """The entries of a triage file; none if there is no such file and it is not `needed`.

    Raises UsageError if it cannot be read, and BadValue or UnknownName for what an entry may not hold."""
    if not path.exists() and not needed:
        return ()
    return entries_of(read_toml(path))


def entries_of(data: Any) -> tuple[Entry, ...]:
    """The entries of a parsed triage file. Raises BadValue or UnknownName for what it may not hold."""
    if not isinstance(data, Mapping):
        raise BadValue("triage", data, "a table")
    for key in data:
        if key != "change":
            raise UnknownName("key of the triage file", key, ["change"])
    found = data.get("change", [])
    if not isinstance(found, list):
        raise BadValue("change", found, "an array of tables: [[change]]")
    return tuple(_entry(one) for one in found)


def marked(one: Series, entries: Sequence[Entry]) -> tuple[Series, set[Entry]]:
    """The series with the first fitting entry on each change, and the entries that fit one."""
    fitting = [next((entry for entry in entries if entry.fits(one, change)), None) for change in one.changes]
    changes = (replace(change, triage=entry.triage) if entry else change for change, entry in zip(one.changes, fitting, strict=True))
    return replace(one, changes=tuple(changes)), {entry for entry in fitting if entry}


def triaged(found: History, entries: Sequence[Entry]) -> History:
    """The history with the first fitting entry on each change, and a note for each entry that fits none."""
    all_ = [marked(one, entries) for one in found.series]
    series, used = tuple(one for one, _ in all_), set().union(*(used for _, used in all_))
    idle = [entry for entry in entries if entry not in used]
    notes = [f"the triage of {one.metric} of {one.case!r} at {'..'.join(one.ends)} fits no change point shown here" for one in idle]
    return replace(found, series=series, notes=(*found.notes, *notes))


def _begins(whole: str, end: str) -> bool:
    return bool(end) and whole.startswith(end)


def _hashes(change: Change) -> tuple[str, str]:
    return change.last_before.run.hash, change.first_after.run.hash


def _entry(one: Any) -> Entry:
    if not isinstance(one, Mapping):
        raise BadValue("change", one, "a table: [[change]]")
    for key in one:
        if key not in _KEYS:
            raise UnknownName("key of [[change]]", key, _KEYS)
    for key in _KEYS:
        if not isinstance(one.get(key), str) or not one[key].strip():
            raise BadValue(f"{key} of [[change]]", one.get(key), "a text that is not empty")
    known_metric(one["metric"])
    if one["state"] not in TRIAGE_STATES:
        raise UnknownName("state of [[change]]", one["state"], TRIAGE_STATES)
    before, dots, after = one["commits"].partition("..")
    after = after if dots else before  # two runs of one commit
    if min(len(before), len(after)) < _SHORTEST_HASH:
        wanted = f"BEFORE..AFTER as history prints it, {_SHORTEST_HASH} characters or more each"
        raise BadValue("commits of [[change]]", one["commits"], wanted)
    return Entry(one["case"], one["metric"], (before, after), Triage(one["state"], " ".join(one["reason"].split())))
