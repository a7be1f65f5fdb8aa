"""A cluster that a run starts for itself: it spreads cases, gives the same report and history, and leaves nothing."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from rnnbench.analysis.frames import load_runs
from rnnbench.gate.side import side_of_run
from rnnbench.gate.timeline import machine_of
from rnnbench.runs.cluster.link import MARK
from tests.faults.tools import lines
from tests.limits import hung_s, until
from tests.ray.tools import FAST, SETTINGS, SUITE, know_ceilings, marked, runs, seeds, start
from tests.tools import ROOT, command

QUICK = ("--preset", "quick", "--case-budget", "0.02", "--set", "depth=1,2", "--set", "variant=lstm,gru", "--set", "precision=fp32")
SETTING = {**SETTINGS, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def clusters() -> set[Path]:
    """Folders of clusters that runs here have started."""
    return {one.parent for one in Path("/tmp").glob("rnnbench-scratch-*/session_latest")}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The depth suite twice in one results folder: here, and on a cluster of this machine."""
    place = tmp_path_factory.mktemp("both")
    before = clusters()
    for executor in ("local", "ray"):
        know_ceilings(place)
        done = command("run", "--suite", "depth", *QUICK, "--executor", executor, cwd=place, **SETTING)
        assert done.code == 0, done
    assert clusters() <= before
    return place


def test_the_history_is_one(both):
    """Without --share, a run on a cluster of this machine is in the same series as a run without Ray, case by case."""
    here, there = runs(both)
    assert [one.key for one in here.records] == [one.key for one in there.records]
    sides = [side_of_run(one) for one in load_runs(sorted((both / "results").glob("2*")))]
    assert machine_of(sides[0]) == machine_of(sides[1])
    assert "2 runs" in command("history", "--case", "depth/*", cwd=both).out


def test_the_report_is_the_same(both):
    """The report of each run shows the same cases under the same headings."""
    pages = [path.read_text(encoding="utf-8") for path in sorted(both.glob("reports/**/*.html"))]
    assert len(pages) == 2
    here, there = ([*re.findall(r"<h[1-3][^>]*>(.*?)</h[1-3]>", page, re.DOTALL)] for page in pages)
    assert len(here) > 3
    assert [re.sub(r"<.*?>|\d", "", one) for one in here] == [re.sub(r"<.*?>|\d", "", one) for one in there]


def test_two_stations_share_a_machine(tmp_path):
    """--share --cores 1 measures as many cases at a time as there are cores, and says so among the conditions; a killed one costs none."""
    done = command(
        "run", *SUITE, *FAST, *seeds(4), "--set", "variant=slow,loses_its_machine_once", "--executor", "ray", "--share", "--cores", "1",
        cwd=tmp_path, **SETTING, RNNBENCH_TEST_HOME=str(tmp_path),
    )  # fmt: skip
    assert done.code == 0, done
    (run,) = runs(tmp_path)
    assert len(run.records) == 8
    assert run.arguments["share"] is True
    assert run.machine["torch"]["threads"] == 1
    spans = sorted((one.started_utc, one.finished_utc) for one in run.records)
    overlaps = any(begins < ended for (_, ended), (begins, _) in pairwise(spans))
    assert overlaps or run.machine["cpu"]["logical"] == 1


def test_a_killed_run_leaves_no_process(tmp_path):
    """SIGKILL of a run with a cluster of its own: its guard ends every process that came from it, and removes the folder."""
    before = clusters()
    process = start(tmp_path, *SUITE, *FAST, *seeds(30), "--set", "variant=slow", "--executor", "ray", home=tmp_path)
    until(lambda: lines(tmp_path) >= 1)
    (home,) = clusters() - before
    (mark,) = {one.environ().get(MARK) for one in marked("RNNBENCH_TEST_HOME", str(tmp_path))} - {None}
    process.kill()
    process.communicate(timeout=hung_s())
    until(lambda: not marked(MARK, mark))
    until(lambda: not home.exists())
