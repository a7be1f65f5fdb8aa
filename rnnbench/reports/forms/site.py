"""A static folder over all runs: overview, every run, every suite, a page with the history of each case, an Atom feed.

Links are relative, so that it opens from disk and from any address (GitHub Pages included). Runs are read one at a time and case
pages written one at a time: memory grows with figures, not with raw samples."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rnnbench import units
from rnnbench.case import AXES
from rnnbench.errors import CannotWrite, UsageError
from rnnbench.gate.series import Change, RunLine, Series
from rnnbench.gate.source import Source, as_source
from rnnbench.gate.timeline import CaseLine, Timeline, timeline
from rnnbench.gate.triage import Entry as Triaged
from rnnbench.gate.triage import marked
from rnnbench.record import METRICS
from rnnbench.reports.content import Content, content
from rnnbench.reports.draw.history_chart import description, strip
from rnnbench.reports.file_names import safe_name
from rnnbench.reports.forms.feed import Entry, entry, feed
from rnnbench.reports.forms.html import rendered, style
from rnnbench.reports.forms.page import render_content
from rnnbench.reports.forms.site_frame import Frame, SuiteLine
from rnnbench.spelling import spelt

MARK = ".rnnbench-site"
ON_A_PAGE = 500
MOST_RECORDS = 5_000  # a larger run is listed, without a whole report: its page would be too large to open
NEWEST_RUNS, NEWEST_CHANGES, MOST_NOTES = 50, 30, 50


class Site:
    """One folder being written."""

    def __init__(self, results: Path | Source, out: Path, title: str, triage: Sequence[Triaged] = ()) -> None:
        """Read the runs; `out` must be new, empty, or a site of before."""
        if out.exists() and not (out / MARK).exists() and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(f"{str(out)!r} holds something that is no site of rnnbench: name a new or an empty folder")
        self.source = as_source(results)
        self.out, self.found, self.triage = out, timeline(self.source), triage
        self.written: set[Path] = set()
        suites = _suites(self.found)
        self.suites = {suite.name: suite for suite in suites}
        self.frame = Frame(spelt(title), len(self.found.runs), len(self.found.cases), suites)

    def write(self, pages: int) -> Path:
        """Every page; the newest `pages` runs with their whole report. The path of the overview."""
        try:
            for name in ("cases", "runs"):
                (self.out / name).mkdir(parents=True, exist_ok=True)
            for name in (MARK, ".nojekyll"):
                self._file(name, "")
            self._file("site.css", style("report.css", "site.css"))
            newest = list(reversed(self.found.runs))
            latest = [self._run_page(run) for run in newest[:pages] if sum(run.counts.values()) <= MOST_RECORDS]
            reports = {one["run"] for one in latest}
            rows, changes = self._case_pages(reports)
            self._suite_pages(rows)
            self._run_pages(newest, reports)
            self._feed(newest, latest, reports)
            self._index(newest, latest, changes, reports)
            self._sweep_out()
        except OSError as error:
            raise CannotWrite(self.out, error.strerror or error) from None
        return self.out / "index.html"

    def _file(self, name: str, text: str) -> None:
        path = self.out / name
        path.write_bytes(text.encode("utf-8", "replace"))
        self.written.add(path)

    def _page(self, name: str, template: str, **values: Any) -> None:
        self._file(name, rendered(template, site=self.frame, up="../" * name.count("/"), shared_sheet=True, **values))

    def _run_page(self, run: RunLine) -> dict[str, str]:
        """A run's whole report, and its headline."""
        name, report = f"runs/{page_of(run.id)}", content([self.source.load(run.key)])
        self._file(name, render_content(report))
        return {"run": run.id, "page": name, "title": report.title, "text": _headline(report)}

    def _case_pages(self, reports: set[str]) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
        """A page for each case. What suites list of them, and every change of level, newest first."""
        rows: dict[str, list[dict[str, Any]]] = {}
        changes: list[dict[str, Any]] = []
        for case in self.found.cases.values():
            suite = self.suites[case.suite]
            series = [marked(one, self.triage)[0] for one in self.found.series(case.id)]
            page = f"cases/{hashlib.blake2b(case.id.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}.html"
            name = suite.called(case)
            found = [_change(one, change, f"{suite.name}: {name}", page) for one in series for change in one.changes]
            changes += found
            rows.setdefault(suite.name, []).append(_row(case, series, found, name, page))
            self._page(page, "site_case.html.j2", title=name, case=case.id, suite=suite, groups=list(_groups(case, series, reports)))
        return rows, sorted(changes, key=lambda one: one["day"], reverse=True)

    def _suite_pages(self, rows: dict[str, list[dict[str, Any]]]) -> None:
        for suite in self.frame.suites:
            stem = suite.page.removesuffix("-1.html")
            for number, part, pages in _parts(rows.get(suite.name, [])):
                values = {"title": suite.title, "suite": suite, "rows": part, "number": number, "pages": pages, "stem": stem}
                self._page(f"{stem}-{number}.html", "site_suite.html.j2", **values)

    def _run_pages(self, newest: Sequence[RunLine], reports: set[str]) -> None:
        for number, part, pages in _parts(newest):
            values = {"title": "Every run", "runs": _listed(part, reports), "number": number, "pages": pages}
            self._page(f"runs-{number}.html", "site_runs.html.j2", **values)

    def _feed(self, newest: Sequence[RunLine], latest: Sequence[dict[str, str]], reports: set[str]) -> None:
        texts = {one["run"]: one["text"] for one in latest}
        entries: list[Entry] = []
        for run in newest[:NEWEST_RUNS]:
            text = " ".join(filter(None, (f"{_outcome(run)}.", texts.get(run.id, ""))))
            entries.append(entry(run, text, f"runs/{page_of(run.id)}" if run.id in reports else "runs-1.html"))
        self._file("feed.xml", feed(self.frame, entries))

    def _index(self, newest: Sequence[RunLine], latest: Sequence[dict[str, str]], changes: list[dict[str, Any]], reports: set[str]) -> None:
        first: dict[str, dict[str, str]] = {}
        for one in latest:
            first.setdefault(one["title"], one)
        self._page(
            "index.html",
            "site_index.html.j2",
            title=self.frame.title,
            latest=list(first.values())[:8],
            changes=changes[:NEWEST_CHANGES],
            total_changes=len(changes),
            runs=_listed(newest[:NEWEST_RUNS], reports),
            notes=self.found.notes[:MOST_NOTES],
        )

    def _sweep_out(self) -> None:
        """Pages of before that no run stands behind any more."""
        for path in (*self.out.glob("*.html"), *self.out.glob("cases/*.html"), *self.out.glob("runs/*.html")):
            if path not in self.written:
                path.unlink()


def write_site(
    results: Path | Source, out: Path, *, title: str = "rnnbench", pages: int = 20, triage: Sequence[Triaged] = ()
) -> tuple[Path, Timeline]:
    """Write the site of a results folder or a store; the path of its overview, and what was read."""
    site = Site(results, out, title, triage)
    return site.write(pages), site.found


def page_of(run: str) -> str:
    """The file of a run's whole report, in its folder."""
    return f"{safe_name(run)}.html"


def _suites(found: Timeline) -> list[SuiteLine]:
    about = {suite["name"]: suite for run in found.runs for suite in run.suites}
    groups: dict[str, list[CaseLine]] = {}
    for case in found.cases.values():
        groups.setdefault(case.suite, []).append(case)
    lines = []
    for number, (name, cases) in enumerate(sorted(groups.items()), 1):
        stated = about.get(name, {})
        free = tuple(place for place in range(len(AXES)) if len({case.axes[place] for case in cases if case.axes}) > 1)
        lines.append(SuiteLine(name, stated.get("title") or name, stated.get("question", ""), f"suite{number}-1.html", len(cases), free))
    return lines


def _parts(rows: Sequence[Any]) -> Iterator[tuple[int, Sequence[Any], int]]:
    """Page number, its rows, and how many pages there are; one page at least."""
    pages = max(1, -(-len(rows) // ON_A_PAGE))
    for number in range(1, pages + 1):
        yield number, rows[(number - 1) * ON_A_PAGE : number * ON_A_PAGE], pages


def _listed(runs: Iterable[RunLine], reports: set[str]) -> list[dict[str, Any]]:
    return [
        {
            "line": run,
            "page": f"runs/{page_of(run.id)}" if run.id in reports else "",
            "suites": ", ".join(suite["name"] for suite in run.suites),
            "outcome": _outcome(run),
        }
        for run in runs
    ]


def _outcome(run: RunLine) -> str:
    counts = ", ".join(f"{count:,} {status}" for status, count in run.counts.items()) or "no record"
    left = run.planned - sum(run.counts.values())
    return counts + (f", {left:,} not measured" if left > 0 else "")


def _headline(report: Content) -> str:
    return next((one.text for section in report.sections for one in (*section.findings, *section.troubles)), "No case was measured.")


def _change(one: Series, change: Change, name: str, page: str) -> dict[str, Any]:
    after = change.first_after.run
    return {
        "name": name,
        "page": page,
        "label": METRICS[one.metric].label,
        "change": units.change(change.ratio),
        "tone": {True: "slow", False: "fast", None: ""}[change.worse],
        "run": after.id,
        "day": after.started_utc[:10],
        "commits": change.commits,
        "triage": change.triage_text,
    }


def _row(case: CaseLine, series: Sequence[Series], found: Sequence[dict[str, Any]], name: str, page: str) -> dict[str, Any]:
    """A case in its suite's list: its newest figure."""
    newest = series[0].points[-1] if series else None
    last = max(found, key=lambda one: str(one["day"]), default=None)
    return {
        "name": name,
        "page": page,
        "runs": sum(len(track.runs) for track in case.tracks.values()),
        "status": newest.status if newest else "not measured",
        "value": units.show(series[0].metric, newest.value) if newest and newest.value is not None else "",
        "label": METRICS[series[0].metric].label if series else "",
        "change": f"{last['label']} {last['change']}, {last['day']}" if last else "",
    }


def _groups(case: CaseLine, series: Sequence[Series], reports: set[str]) -> Iterator[dict[str, Any]]:
    """A case's series by machine."""
    for machine in case.tracks:
        own = [one for one in series if one.machine == machine]
        shown = [
            {
                "label": METRICS[one.metric].label,
                "description": description(one),
                "svg": strip(one),
                "rows": _table(one, reports) if one is own[0] else (),
            }
            for one in own
        ]
        yield {"machine": machine, "series": shown, "status": "every run failed"}


def _table(one: Series, reports: set[str]) -> list[dict[str, str]]:
    """The points as text, newest first."""
    return [
        {
            "run": point.run.id,
            "page": f"../runs/{page_of(point.run.id)}" if point.run.id in reports else "",
            "when": point.run.started_utc[:16].replace("T", " "),
            "commit": point.run.commit,
            "value": units.show(one.metric, point.value) if point.value is not None else point.status,
        }
        for point in reversed(one.points)
    ]
