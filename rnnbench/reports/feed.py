"""The Atom feed of a site: an entry a run, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from rnnbench.analysis.digest import RunLine
from rnnbench.reports import words
from rnnbench.reports.html import rendered
from rnnbench.spelling import spelt

if TYPE_CHECKING:
    from rnnbench.reports.site import Frame

_NEVER = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as Atom (RFC 4287) wants it: an id for good, and when it was last changed."""

    id: str
    title: str
    updated: str
    text: str
    page: str


def entry(run: RunLine, text: str, page: str) -> Entry:
    """A run's entry."""
    updated = _stamp(run.finished_utc) or _stamp(run.started_utc) or _NEVER
    return Entry(f"urn:rnnbench:run:{quote(run.id, errors='replace')}", words.visible(run.id), updated, spelt(text), page)


def feed(frame: "Frame", entries: Sequence[Entry]) -> str:
    """The feed. Its links are relative to its own address."""
    updated = max((one.updated for one in entries), default=_NEVER)
    return rendered(
        "feed.xml.j2", site=frame, entries=entries, updated=updated, ident=f"urn:rnnbench:site:{quote(frame.title, errors='replace')}"
    )


def _stamp(text: str) -> str:
    """A time as RFC 3339 has it, in UTC; empty where it is none."""
    try:
        when = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return ""
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
