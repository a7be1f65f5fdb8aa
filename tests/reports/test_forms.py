"""Each form of a report holds what it promises, and no form runs what a results file says."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from rnnbench.analysis.frames import Loaded
from rnnbench.errors import UnknownName
from rnnbench.journal import Journal
from rnnbench.record import Run
from rnnbench.reports.forms.table import FORMS, write_as
from tests.reports import factory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small clipping run in every form."""
    out = tmp_path_factory.mktemp("forms")
    folder = saved(factory.run([factory.record(case) for case in factory.cases("clipping", clip_norm=(1.0,), depth=(1, 2, 4))]), out)
    loaded = [Loaded(run_of(folder), folder=folder)]
    return {name: write_as(name, loaded, out) for name in FORMS}


def saved(run: Run, out: Path) -> Path:
    journal = Journal(out / "results" / run.id, run)
    for record in run.records:
        journal.append(record)
    return journal.folder


def run_of(folder: Path) -> Run:
    from rnnbench.analysis.frames import load_run

    return load_run(folder)


def test_markdown_answers(made: dict[str, Path]):
    """Markdown begins with the title and the answer, bold as on the page, and every table is one."""
    text = made["md"].read_text()
    assert text.startswith("# Gradient clipping\n")
    assert "* Gradient clipping costs **2" in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") - line.count("\\|") for line in block.splitlines()}) == 1


def test_csv_has_a_row_a_case(made: dict[str, Path]):
    """CSV holds each case in base units at full length."""
    rows = list(csv.DictReader(made["csv"].open()))
    assert [row["depth"] for row in rows] == ["1", "2", "4"]
    assert all(row["status"] == "ok" and float(row["step_time_low"]) <= float(row["step_time_s"]) for row in rows)


def test_json_has_every_sample(made: dict[str, Path]):
    """JSON keeps every raw sample, however many there are."""
    data = json.loads(made["json"].read_text())
    assert [len(row["processes"][0]["times_s"]) for row in data["rows"]] == [40, 40, 40]


def test_pictures_stand_alone(made: dict[str, Path]):
    """Every figure is a file: PNG, or SVG with colours of its own instead of the page's."""
    drawings, pictures = sorted(made["svg"].iterdir()), sorted(made["png"].iterdir())
    assert [one.stem for one in drawings] == [one.stem for one in pictures]
    assert "clipping-main" in [one.stem for one in drawings]
    for one in drawings:
        assert ET.parse(one).getroot().tag.endswith("svg")
        assert "var(--" not in one.read_text()
    assert all(one.read_bytes().startswith(b"\x89PNG") for one in pictures)


def test_the_notebook_runs(made: dict[str, Path]):
    """Every code cell of the notebook runs, and reads the same cases."""
    import matplotlib as mpl

    mpl.use("agg")
    book = json.loads(made["notebook"].read_text())
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    names: dict = {}
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert len(names["cases"]) == 3


def test_an_unknown_form_lists_the_others(tmp_path: Path):
    """A form that there is not names those that there are."""
    with pytest.raises(UnknownName, match=r"choose from: .*notebook"):
        write_as("pdf", [Loaded(factory.run([]))], tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_run_has_every_form(form: str, tmp_path: Path):
    """A run without a record fails in no form."""
    path = write_as(form, [Loaded(factory.run([], ["depth"]))], tmp_path)
    assert path.exists() or form in ("png", "svg")


@pytest.mark.parametrize("name", ["=cmd|'/C calc'!A1", "<script>alert(1)</script>", "a|b\n| c |", "**x**[y](javascript:z)", "x" * 10_000])
def test_hostile_text_is_text(name: str, tmp_path: Path):
    """A reason is no formula in CSV, and neither markup nor a cell's end in Markdown."""
    loaded = [Loaded(factory.run([factory.failed(factory.Case(suite="depth"), "failed", name)], id=name))]
    (row,) = csv.DictReader(io.StringIO(write_as("csv", loaded, tmp_path).read_text(), newline=""))
    assert row["reason"].lstrip("'") == name
    assert not row["reason"].startswith(("=", "+", "-", "@"))
    text = write_as("md", loaded, tmp_path).read_text()
    assert "<script" not in text.replace("\\<", "")
    assert "](" not in text.replace("\\](", "")
    table = text.partition("## All cases")[2].partition("##")[0]
    assert len([line for line in table.splitlines() if line.startswith("|")]) == 3
