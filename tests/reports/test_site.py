"""The site of all runs: complete, safe, relative, and small in memory."""

import json
import re
import tracemalloc
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from rnnbench.errors import UsageError
from rnnbench.journal import Journal
from rnnbench.record import Run
from rnnbench.reports.forms.site import write_site
from tests.reports import factory

ATOM = "{http://www.w3.org/2005/Atom}"
GRID = factory.cases("depth", variant=("lstm", "gru"), depth=(1, 2))


def save(results: Path, run: Run) -> None:
    journal = Journal(results / run.id.replace("/", "_")[:60], run)
    for record in run.records:
        journal.append(record)


def day(number: int, **more) -> Run:
    """A run of day `number` of March; grus are 10 % slower from the 11th on, and one case failed on the 3rd."""
    slow = lambda case: factory.step_s(case) * (1.1 if number > 10 and case.variant == "gru" else 1)  # noqa: E731
    records = [
        factory.failed(case, "oom", "no memory") if number == 3 and case.depth == 2 else factory.record(case, step=slow, rounds=8)
        for case in GRID
    ]
    when = f"2026-03-{number:02d}T04:00:00.000Z"
    whole = {"id": f"202603{number:02d}T040000Z-depth-{number:04x}", "started_utc": when, "finished_utc": when}
    return factory.run(records, **{**whole, "commit": {"hash": f"{number:040x}"[::-1]}, **more})


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty days."""
    folder = tmp_path_factory.mktemp("results")
    for number in range(1, 21):
        save(folder, day(number))
    return folder


@pytest.fixture(scope="module")
def site(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their site, with the whole report of the newest run."""
    return write_site(results, tmp_path_factory.mktemp("out") / "site", title="Nightly", pages=1)[0].parent


class Links(HTMLParser):
    """Every address that a page names."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def test_links_are_relative_and_land(site: Path):
    """Every link leads to a file of the site by a relative path, so that it works below any address."""
    for page in site.rglob("*.html"):
        for link in Links(page).found:
            if link.startswith(("#", "data:")):
                continue
            assert not re.match(r"[a-z]+:|/", link), (page, link)
            assert (page.parent / unquote(link.partition("#")[0])).exists(), (page, link)


def test_a_change_is_found_and_told(site: Path):
    """A planted change of level is on the overview with the run since which, and drawn on the case's page."""
    text = (site / "index.html").read_text()
    assert text.count("(worse)") == 2
    assert "20260311T040000Z-depth-000b" in text
    pages = [page.read_text() for page in (site / "cases").iterdir()]
    assert len(pages) == 4
    assert sum('class="change"' in page for page in pages) == 2
    assert sum("×</text>" in page for page in pages) == 2


def test_a_triaged_change_says_so(results: Path, tmp_path: Path, typed):
    """With the reason, and only that one; `rnnbench site` reads the file beside the runs unless another is named."""
    entry = '[[change]]\ncase = "*-L1-*"\nmetric = "step_time_s"\ncommits = "a000000..b000000"\n'
    triage = tmp_path / "mine.toml"
    triage.write_text(f'{entry}state = "accepted"\nreason = "more exact gates"\n')
    ended = typed("site", tmp_path / "out", "--results", results, "--triage", triage, "--pages", 0, cwd=tmp_path)
    assert ended.code == 0, ended.err
    text = (tmp_path / "out/index.html").read_text()
    assert text.count("(worse)") == 2
    assert text.count("accepted: more exact gates") == 1
    assert typed("site", tmp_path / "no", "--results", results, "--triage", "no.toml", cwd=tmp_path).code == 2


def test_the_feed_is_atom(site: Path):
    """The feed has what RFC 4287 asks for, newest first, and its ids differ."""
    root = ET.parse(site / "feed.xml").getroot()
    assert root.tag == f"{ATOM}feed"
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == len({one.findtext(f"{ATOM}id") for one in entries}) == 20
    stamps = [one.findtext(f"{ATOM}updated") for one in entries]
    assert stamps == sorted(stamps, reverse=True)
    assert root.findtext(f"{ATOM}updated") == stamps[0]
    assert "Each further layer" not in (entries[0].findtext(f"{ATOM}summary") or "")
    assert all(one.find(f"{ATOM}title") is not None and one.find(f"{ATOM}link") is not None for one in entries)


def test_it_is_brought_up_to_date(tmp_path: Path):
    """A second write adds what is new and takes away pages of runs that are gone; a folder of somebody else's is refused."""
    results, out = tmp_path / "results", tmp_path / "site"
    save(results, day(1))
    write_site(results, out)
    (results / day(1).id / "run.json").unlink()
    save(results, day(2))
    write_site(results, out)
    assert [page.name for page in (out / "runs").iterdir()] == [f"{day(2).id}.html"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("mine")
    with pytest.raises(UsageError, match="no site of rnnbench"):
        write_site(results, tmp_path / "mine")


def test_no_run_is_a_site(tmp_path: Path):
    """An empty results folder makes an overview that says so."""
    assert "No run yet." in write_site(tmp_path / "results", tmp_path / "site")[0].read_text()


def test_a_broken_run_is_told(tmp_path: Path):
    """A run that cannot be read costs no other, and the overview names it."""
    save(tmp_path / "results", day(1))
    (tmp_path / "results" / "broken").mkdir()
    (tmp_path / "results" / "broken" / "run.json").write_text("{")
    page, found = write_site(tmp_path / "results", tmp_path / "site", pages=0)
    assert len(found.runs) == 1
    assert "not JSON" in page.read_text()


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "../../up", "x" * 10_000, "\u202e\x00evil"]
)
def test_hostile_names_are_text(name: str, tmp_path: Path):
    """A name out of a results file is neither markup nor a path, on pages and in the feed."""
    suite = {"name": "depth", "title": name, "question": name, "x": "depth", "hue": "variant"}
    run = replace(day(1), id=name, suites=(suite,), commit={"hash": name}, machine={"cpu": {"model": name}})
    save(tmp_path / "results", replace(run, id="safe"))
    path = tmp_path / "results" / "safe" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "id": name}))
    write_site(tmp_path / "results", tmp_path / "site", title=name)
    ET.parse(tmp_path / "site" / "feed.xml")
    for page in (tmp_path / "site").rglob("*.html"):
        assert "<script>alert" not in page.read_text()
        assert "<img" not in page.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"results", "site"}


def test_memory_grows_with_figures_not_with_samples(tmp_path: Path):
    """Runs are let go once read: ten times the runs take far less than ten times the memory."""

    def most(count: int) -> int:
        results = tmp_path / f"results{count}"
        for number in range(count):
            run = factory.run([factory.record(case, rounds=300) for case in GRID], id=f"run{number:03}")
            save(results, run)
        tracemalloc.start()
        write_site(results, tmp_path / f"site{count}", pages=0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    most(1)  # imports and templates
    assert most(30) < 2 * most(3)
