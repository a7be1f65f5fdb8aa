"""The file as a whole: self-contained, stable, safe and small."""

import json
import re
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.analysis.frames import Loaded
from rnnbench.errors import CannotWrite
from rnnbench.files import Damage
from rnnbench.record import Run
from rnnbench.reports.forms.page import file_name, render, write_report
from tests.reports import factory

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</script><!--",
    "{{ 7*7 }}",
    "\u202eevil\u2066",
    "x" * 10_000,
    "שלום",
]


class Reader(HTMLParser):
    """Collects tags, ids, links and the embedded data of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") == "run-data"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        self.data += data if self._inside else ""

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if attributes.get("id")]


def page(run: Run) -> str:
    return render([Loaded(run)])


@pytest.fixture(scope="module")
def depth() -> str:
    return page(factory.depth_run())


def test_it_is_written_whole(tmp_path: Path):
    """The file bears the run's id, and nothing is left beside it."""
    path = write_report([Loaded(factory.depth_run())], tmp_path / "reports")
    assert path.name == "20260301T140200Z-depth-a1b2.html"
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_folder_that_refuses(tmp_path: Path):
    """A reports folder that cannot be made is one clear sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match="cannot write"):
        write_report([Loaded(factory.run([]))], tmp_path / "file" / "reports")


def test_the_same_run_gives_the_same_bytes(depth: str):
    """A report can be made again, byte for byte."""
    assert page(factory.depth_run()) == depth


def test_no_address_is_asked(depth: str):
    """Nothing in the page points outside it."""
    for tag, attributes in Reader(depth).tags:
        for name in ("src", "href", "xlink:href", "action"):
            value = attributes.get(name) or ""
            assert not value or value.startswith(("#", "data:")), (tag, name, value)
    assert "url(http" not in depth


def test_ids_are_unique_and_links_land(depth: str):
    """Every id is used once, and every link within the page leads somewhere."""
    found = Reader(depth)
    assert len(found.ids) == len(set(found.ids))
    links = {attributes["href"][1:] for _, attributes in found.tags if (attributes.get("href") or "").startswith("#")}
    assert links <= set(found.ids)


def test_figures_say_what_they_show(depth: str):
    """Every figure is well-formed, follows the theme, and has words instead."""
    figures = re.findall(r"<svg.*?</svg>", depth, re.DOTALL)
    assert len(figures) > 8
    for figure in figures:
        root = ET.fromstring(figure)
        assert root.get("role") == "img"
        assert len(root.get("aria-label")) > 40
        assert "var(--" in figure
        assert "Date" not in figure


def test_failed_cases_have_their_place(depth: str):
    """A failed case is a row with status and reason, in the order of the run."""
    rows = re.findall(r"<tr[^>]*><th scope=\"row\"><button type=\"button\" class=\"open\".*?</tr>", depth, re.DOTALL)
    assert len(rows) == 48
    assert "oom" in rows[29]
    assert "can&#39;t allocate memory" in rows[29]


def test_the_data_comes_back(depth: str):
    """The embedded JSON holds every case with its samples and the command that measures it again."""
    data = json.loads(Reader(depth).data)
    assert len(data["rows"]) == 48
    first = data["rows"][1]
    assert len(first["processes"][0]["times_s"]) == 40
    assert first["command"] == (
        "rnnbench run --suite depth --device cpu --preset standard --set variant=elman --set phase=train --set depth=1"
        " --set batch_size=16 --set seq_len=64 --set precision=fp32"
    )


def test_commands_keep_what_was_set():
    """An axis set on the command line is in the command of each case, even at its default; plug-ins too; words are quoted."""
    arguments = {"command": ["rnnbench", "run"], "set": ["hidden_size=256"], "plugins": ["my cells.py"], "preset": "quick"}
    data = json.loads(Reader(page(factory.run([factory.record(factory.Case(suite="depth"))], arguments=arguments))).data)
    assert (
        data["rows"][0]["command"] == "rnnbench run --suite depth --device cpu --preset quick --plugin 'my cells.py' --set hidden_size=256"
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str):
    """Names from a results file never become markup, script or template."""
    suite = {"name": "depth", "title": name, "question": name, "x": "depth", "hue": "variant"}
    records = [
        factory.record(factory.Case(suite="depth"), notes=(name,), absent={name: name}, beside=name, log=name),
        factory.failed(factory.Case(suite="depth", depth=4), "failed", name),
    ]
    run = factory.run(
        records, suites=(), id=name, machine={name: {name: name}}, commit={"branch": name}, arguments={"device": name, "preset": name}
    )
    text = page(replace(run, suites=(suite,)))
    tags = Reader(text).tags
    assert sum(tag == "script" for tag, _ in tags) == 2
    assert not any(tag == "img" or any(key.startswith("on") for key in attributes) for tag, attributes in tags)
    assert ("{{ 7*7 }}" in text) == (name == "{{ 7*7 }}")
    assert json.loads(Reader(text).data)["rows"][0]["notes"] == [name]
    assert file_name([name]).isascii()


@settings(max_examples=25)
@given(st.text(max_size=40))
def test_any_text_renders(text: str):
    """Whatever a reason, note or host is called, the page is made and its data come back."""
    run = factory.run([factory.failed(factory.Case(suite="depth"), "crashed", text)], machine={"hostname": text}, id=text)
    data = json.loads(Reader(page(run).encode("utf-8", "replace").decode()).data)
    assert data["rows"][0]["reason"] == text


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (factory.run([], ["depth"]), "No case was measured yet"),
        (factory.run([factory.record(factory.Case(suite="depth"))]), "A train step of lstm takes"),
        (
            factory.run([factory.failed(case, "oom", "no memory") for case in factory.cases("depth", depth=(1, 2))]),
            "No case of this suite was measured",
        ),
        (factory.run([factory.record(factory.Case(suite="depth"), rounds=1)]), "A train step of lstm takes"),
        (factory.run([], machine={}, commit={}, arguments={}, started_utc="", finished_utc=""), "Nothing measured"),
    ],
)
def test_thin_runs_make_sense(run: Run, words: str):
    """No case, one case, one round, or only failures: the page says so plainly."""
    assert words in page(run)


@pytest.mark.slow
def test_caution_is_given():
    """Damage, an interrupted run, a dirty tree and cases short of their precision are warnings that say what to do."""
    run = factory.depth_run(commit={"hash": "abc", "dirty": True}, planned=[{"id": "depth/another"}], interrupted=True)
    text = render([Loaded(run, [Damage(3, "not JSON", last=True)])])
    for words in ("uncommitted changes", "rnnbench run --resume", "line 3: not JSON", "wanted ±1.0%", "raise --case-budget"):
        assert words in text


def test_several_runs_stand_side_by_side():
    """Two runs share figures and a table, and what differs between their machines is marked."""
    first = factory.run([factory.record(case) for case in factory.cases("length", seq_len=(32, 64, 128))])
    slow = [factory.record(case, step=lambda one: 1.3 * factory.step_s(one)) for case in factory.cases("length", seq_len=(32, 64, 128))]
    second = factory.run(slow, id="second", machine={**factory.MACHINE, "hostname": "elsewhere"})
    text = render([Loaded(first), Loaded(second)])
    assert "hostname (differs)" in text
    assert "Inconclusive:" in text
    assert "one process a side is no evidence" in text


def test_long_names_are_cut():
    """Many long ids make a file name that any file system takes, still telling them apart."""
    one, other = file_name(["x" * 300 + "a"]), file_name(["x" * 300 + "b"])
    assert len(one) < 200
    assert one != other
    assert "/" not in file_name(["../../etc/passwd"])


@pytest.mark.slow
def test_a_thousand_cases(tmp_path: Path):
    """1,000 cases of 300 rounds make a page of at most 5 MB within 10 s, and the page says that samples were left out."""
    grid = factory.cases(
        "depth",
        variant=("lstm", "gru", "elman", "elman_relu", "mine"),
        depth=(1, 2, 4, 8, 16),
        precision=("fp32", "bf16", "fp16", "tf32"),
        phase=("forward", "train"),
        hidden_size=(64, 128, 256, 512, 1024),
    )
    run = factory.run([factory.record(case, rounds=300) for case in grid])
    before = time.process_time()
    path = write_report([Loaded(run)], tmp_path)
    assert time.process_time() - before < 10
    assert path.stat().st_size < 5e6
    assert "raw samples of long series" in path.read_text()
