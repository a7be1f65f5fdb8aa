"""Every format says the same, in its own words, and holds whatever a reason may contain."""

import csv
import io
import json
from dataclasses import replace
from statistics import median
from xml.etree import ElementTree

import pytest

from rnnbench.cli.display.verdicts import screen
from rnnbench.gate.compare import compare
from rnnbench.gate.formats.exports import EXPORTS, otava
from rnnbench.gate.formats.github import as_github
from rnnbench.gate.formats.junit import as_junit
from rnnbench.gate.formats.markdown import as_markdown
from rnnbench.gate.formats.plain import as_json
from rnnbench.gate.policy import Policy
from tests.gate.sides import CASE, STEP, lost, records, side, times, with_values

NASTY = 'died | of <b>"50%"</b>\nline two \x00\x1b[31m::error::x ]]> [/red]'
GRID = [replace(CASE, depth=depth) for depth in range(1, 5)]
BASE = side("a|b", *(records(case, times(index)) for index, case in enumerate(GRID)))
CANDIDATE = side(
    "cand",
    records(GRID[0], times(9, factor=1.2)),
    records(GRID[1], times(8)),
    lost(GRID[2], reason=NASTY),
    records(GRID[3], times(7, factor=1.02)),
)
FOUND = compare(BASE, CANDIDATE, Policy())


def test_json_holds_every_number():
    """What is printed is the comparison, whole."""
    told = json.loads(as_json(FOUND))
    assert (told["exit_code"], len(told["findings"])) == (3, len(FOUND.findings))
    assert told["counts"]["regressed"] == 1
    assert told["findings"][0]["p_holm"] < 0.01


def test_junit_counts_its_cases():
    """Failures are what ends with 3, skipped what ends with 4; characters that XML cannot hold are replaced."""
    root = ElementTree.fromstring(as_junit(FOUND))
    assert {name: int(root.get(name)) for name in ("tests", "failures", "skipped")} == {
        "tests": len(root.findall(".//testcase")),
        "failures": len(root.findall(".//failure")),
        "skipped": len(root.findall(".//skipped")),
    }
    assert len(root.findall(".//failure")) == 2
    assert "<b>" in root.findall(".//failure")[1].get("message")


def test_github_annotations_are_one_line_each():
    """Line ends and per cents in a reason are escaped: no message can start a command of its own."""
    lines = as_github(FOUND).strip().split("\n")
    assert all(line.startswith(("::error title=", "::warning title=", "::notice title=")) for line in lines)
    assert sum(line.startswith("::error") for line in lines) == 2
    assert "50%25" in next(line for line in lines if "broken" in line)


def test_github_annotations_are_limited():
    """Of many, ten of each kind are annotated, and the rest is counted."""
    grid = [replace(CASE, depth=depth) for depth in range(1, 31)]
    whole = compare(side("a", *(records(case, times(0)) for case in grid)), side("b", records(grid[0], times(1))), Policy())
    lines = as_github(whole).strip().split("\n")
    assert len(lines) == 11
    assert "19 not annotated" in lines[-1]


def test_markdown_rows_stay_rows():
    """Bars, tags and line ends in a reason do not break the table."""
    text = as_markdown(FOUND)
    rows = [line for line in text.splitlines() if line.startswith("| ") and "depth/" in line]
    assert all(row.replace("\\|", "").count("|") == 9 for row in rows)
    assert "&lt;b>" in text
    assert "1 regressed" in text.splitlines()[0]


@pytest.mark.parametrize("everything", [False, True])
def test_the_table_fits_eighty_columns(everything, monkeypatch, capsys):
    """No figure is cut on a terminal of eighty columns; markup in a reason is shown, not obeyed."""
    monkeypatch.setenv("COLUMNS", "80")
    screen(FOUND, everything=everything)
    out = capsys.readouterr().out
    assert "regressed" in out
    assert "…" not in out
    assert "[/red]" in out
    assert ("equivalent " in out) == everything
    rows = [line for line in out.splitlines() if line.startswith(" step time")]
    assert rows
    assert all(len(line.rstrip()) <= 80 and line.rstrip().endswith("ms") for line in rows)


def test_github_action_benchmark_has_a_list_for_each_way():
    """Times are in the list where smaller is better, throughput in the other."""
    one = with_values(BASE, str(CASE), "tokens_per_s", {0: 10.0, 1: 20.0, 2: 90.0})
    smaller, bigger = (json.loads(EXPORTS[name](one)) for name in ("gab-smaller", "gab-bigger"))
    assert bigger == [{"name": f"{CASE} throughput", "unit": "/s", "value": 20.0, "range": "10 to 90", "extra": "3 processes, a|b"}]
    assert {"name", "unit", "value"} <= smaller[0].keys()
    assert smaller[0]["value"] == pytest.approx(median(times(0)))


def test_bencher_has_value_and_ends():
    """Benchmark, measure, value with its lower and upper end."""
    row = json.loads(EXPORTS["bmf"](BASE))[str(CASE)]["step-time-s"]
    assert row["lower_value"] < row["value"] < row["upper_value"]


def test_otava_has_a_row_a_run_by_time():
    """Runs in order of time, a column for each case; empty where a run lacks it."""
    later = replace(side("late", records(CASE, times(1))), taken_utc="2026-02-02", commit={"hash": "bb"})
    rows = list(csv.DictReader(io.StringIO(otava([later, replace(BASE, taken_utc="2026-01-01")]))))
    assert [row["run"] for row in rows] == ["a|b", "late"]
    assert rows[1]["commit"] == "bb"
    assert float(rows[1][f"{CASE}:{STEP}"]) == pytest.approx(median(times(1)))
    assert rows[1][f"{GRID[1]}:{STEP}"] == ""
