"""The Atom feed of a site, one entry per run, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from rnnbench.gate.series import RunLine
from rnnbench.moments import in_utc
from rnnbench.reports import words
from rnnbench.reports.forms.html import rendered
from rnnbench.reports.forms.site_frame import Frame
from rnnbench.spelling import spelt

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
    """A run's entry, titled by its suites and date."""
    suites = words.joined([str(suite.get("title") or suite.get("name")) for suite in run.suites])
    title = ", ".join(filter(None, (suites, run.started_utc[:16].replace("T", " ")))) or run.id
    updated = _stamp(run.finished_utc) or _stamp(run.started_utc) or _NEVER
    return Entry(f"urn:rnnbench:run:{quote(run.id, errors='replace')}", words.visible(title), updated, spelt(text), page)


def feed(frame: Frame, entries: Sequence[Entry]) -> str:
    """The feed. Its links are relative to its own address."""
    updated = max((one.updated for one in entries), default=_NEVER)
    return rendered(
        "feed.xml.j2", site=frame, entries=entries, updated=updated, ident=f"urn:rnnbench:site:{quote(frame.title, errors='replace')}"
    )


def _stamp(text: str) -> str:
    """A time as RFC 3339 has it, in UTC; empty where it is none."""
    when = in_utc(text)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else ""
