"""Every format says the same, in its own words, and holds whatever a reason may contain."""

import csv
import io
import json
import re
from dataclasses import replace
from statistics import median
from xml.etree import ElementTree

import pytest

from rnnbench.cli.display.verdicts import screen
from rnnbench.errors import UsageError
from rnnbench.gate.compare import compare
from rnnbench.gate.formats.exports import EXPORTS, exported, otava
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
    one = with_values(BASE, str(CASE), "tokens_per_s", dict(enumerate([10.0, 20.0, 30.0, 40.0, 50.0, 90.0])))
    smaller, bigger = (json.loads(EXPORTS[name](one, ())) for name in ("gab-smaller", "gab-bigger"))
    assert bigger == [
        {
            "name": f"{CASE} throughput",
            "unit": "/s",
            "value": 35.0,
            "range": "10 to 90",
            "extra": "6 processes, a|b; range: 95 % CI of the median",
        }
    ]
    assert {"name", "unit", "value"} <= smaller[0].keys()
    assert smaller[0]["value"] == pytest.approx(median(times(0)))


def test_bencher_has_the_interval_of_the_median():
    """Ten processes: the second and the ninth, which is the 95 % CI of the median from order statistics, not the two extremes."""
    ordered = sorted(times(0))
    row = json.loads(EXPORTS["bmf"](BASE, ()))[str(CASE)]["step-time-s"]
    assert row == pytest.approx({"lower_value": ordered[1], "value": median(ordered), "upper_value": ordered[8]})


@pytest.mark.parametrize(("count", "known"), [(1, False), (5, False), (6, True), (40, True)])
def test_too_few_processes_have_no_interval(count, known):
    """Five processes cannot bound a median at 95 %, so no bound is written; six can."""
    one = side("a", records(CASE, times(0, count)))
    measures = json.loads(EXPORTS["bmf"](one, ()))[str(CASE)]
    assert ("lower_value" in measures["step-time-s"]) == known
    assert "lower_value" not in measures["parameters"]
    rows = json.loads(EXPORTS["gab-smaller"](one, (STEP,)))
    assert ("range" in rows[0]) == known


def test_equal_figures_have_no_interval():
    """A lower end equal to the upper end is not written."""
    one = side("a", records(CASE, [0.01] * 10))
    assert json.loads(EXPORTS["bmf"](one, (STEP,))) == {str(CASE): {"step-time-s": {"value": 0.01}}}


@pytest.mark.parametrize("format_", EXPORTS)
def test_metric_and_select_reduce_every_export(format_):
    """Only the chosen metric of the chosen cases is written."""
    metric = "tokens_per_s" if format_ == "gab-bigger" else "operators"
    one = with_values(BASE, str(GRID[1]), "tokens_per_s", {0: 5.0})
    text = exported(one, format_, [metric], "depth == 2")
    assert str(GRID[1]) in text
    assert not any(str(case) in text for case in (GRID[0], *GRID[2:]))
    assert not any(word in text for word in (STEP, "step-time", "step time", "parameters"))


@pytest.mark.parametrize(
    ("format_", "metrics", "select", "told"),
    [
        ("bmf", ["speed"], "", "unknown metric 'speed'"),
        ("bmf", ["step_energy_j"], "", "its cases have operators, parameters, step_time_s"),
        ("gab-bigger", [STEP], "", "nothing of 'a|b' is left to export as gab-bigger"),
        ("openmetrics", [], "depth == 99", "0 of its 4 cases are selected"),
        ("bmf", [], "speed > 2", "unknown axis 'speed'"),
    ],
)
def test_an_export_of_nothing_is_refused(format_, metrics, select, told):
    """Rather than a file without a figure there is one sentence that says what there is."""
    with pytest.raises(UsageError, match=re.escape(told)):
        exported(BASE, format_, metrics, select)


def test_otava_has_a_row_a_run_by_time():
    """Runs in order of time, a column for each case; empty where a run lacks it."""
    later = replace(side("late", records(CASE, times(1))), taken_utc="2026-02-02", commit={"hash": "bb"})
    rows = list(csv.DictReader(io.StringIO(otava([later, replace(BASE, taken_utc="2026-01-01")]))))
    assert [row["run"] for row in rows] == ["a|b", "late"]
    assert rows[1]["commit"] == "bb"
    assert float(rows[1][f"{CASE}:{STEP}"]) == pytest.approx(median(times(1)))
    assert rows[1][f"{GRID[1]}:{STEP}"] == ""
