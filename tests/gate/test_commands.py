"""The commands compare, baseline, history, export and duet as a user types them: exit codes, output, mistakes."""

import json
import sys
from pathlib import Path

import pytest

from rnnbench.analysis.frames import load_run
from tests.gate.sides import CASE, benchmark_file
from tests.tools import Ended, command, git

SIZES = {"depth": 1, "hidden_size": 8, "input_size": 8, "batch_size": 2, "seq_len": 3, "precision": "fp32", "phase": "forward"}
TINY = (*(word for axis, value in SIZES.items() for word in ("--set", f"{axis}={value}")), "--case-budget", "0.02", "--min-rounds", "3")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("base", "same"), 0, "equivalent"),
        (("base", "slow"), 3, "1 regressed"),
        (("slow", "base"), 0, "1 improved"),
        (("base", "slow", "--min-effect", "30%"), 0, "equivalent"),
        (("base", "slow", "--only", "deterministic"), 0, "any difference counts"),
        (("base", "single"), 4, "advisory"),
        (("base", "more", "--only", "deterministic"), 3, "7 → 8"),
        (("base", "empty"), 4, "holds no case"),
        (("base", "other"), 4, "no case of 'base' is in 'other'"),
        (("base", "base"), 2, "name two"),
        (("base", "nope"), 2, "unknown run 'nope'"),
        (("base", "baseline:nope"), 2, "unknown baseline"),
        (("base", "nope.json"), 4, "no such file"),
        (("base", "same", "--format", "html"), 2, "choose from: table"),
        (("base", "same", "--only", "times"), 2, "--only"),
        (("base", "same", "--settings", "nope.toml"), 2, "no such file"),
        (("base", "same", "--alpha", "2"), 2, "alpha"),
        (("base", "same", "--canary", "nope"), 2, "unknown canary 'nope'"),
    ],
)
def test_compare_ends_with_its_exit_code(typed, folder, words, code, told):
    """0 fine, 2 usage, 3 regression, 4 what cannot be told; the sentence says which."""
    ended = typed("compare", *words, cwd=folder)
    assert ended.code == code, ended
    assert told in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_a_baseline_is_saved_listed_shown_and_compared(typed, folder):
    """Save, list, show, compare; a second save wants --force; the settings of pyproject.toml count."""
    assert typed("baseline", "save", "main", "base", cwd=folder).out.strip() == "results/baselines/main.json"
    assert typed("baseline", "save", "main", "base", cwd=folder).code == 2
    assert typed("baseline", "save", "main", "same", "--force", cwd=folder).code == 0
    assert typed("baseline", "list", cwd=folder).out.startswith("main\t1 cases")
    assert "step time" in typed("baseline", "show", "main", cwd=folder).out
    assert typed("compare", "baseline:main", "slow", cwd=folder).code == 3
    (folder / "pyproject.toml").write_text('[tool.rnnbench.gate]\nmin-effect = "30%"\n', encoding="utf-8")
    assert typed("compare", "baseline:main", "slow", cwd=folder).code == 0
    (folder / "pyproject.toml").unlink()


def test_the_summary_is_appended(typed, folder, tmp_path):
    """--markdown adds to the file of a job's summary; a folder that is not there ends with 1."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    typed("compare", "base", "slow", "--markdown", summary, cwd=folder)
    assert summary.read_text(encoding="utf-8").startswith("before\n## rnnbench: 1 regressed")
    assert typed("compare", "base", "slow", "--markdown", tmp_path / "no/x.md", cwd=folder).code == 1


@pytest.mark.parametrize("format_", ["gab-smaller", "gab-bigger", "bmf", "pytest-benchmark"])
def test_export_prints_json(typed, folder, format_):
    """Each export of a run is JSON on standard output."""
    assert json.loads(typed("export", "base", "--format", format_, cwd=folder).out) is not None


def test_an_export_can_be_reduced(typed, folder):
    """--metric and --select reach every format; pytest-benchmark's holds step times only and says so."""
    told = typed("export", "base", "--format", "bmf", "--metric", "operators", "--select", "depth == 1", cwd=folder).told
    assert told == {str(CASE): {"operators": {"value": 7.0}}}
    few = typed("export", "base", "--format", "pytest-benchmark", "--select", "depth == 2", cwd=folder)
    assert (few.code, "matches none of its cases" in few.err) == (2, True)
    assert len(typed("export", "base", "--format", "pytest-benchmark", "--select", "depth == 1", cwd=folder).told["benchmarks"]) == 10
    assert "step times only" in typed("export", "base", "--format", "pytest-benchmark", "--metric", "operators", cwd=folder).err


def test_select_needs_axes(typed, folder):
    """Another tool's results state no axes: --select is refused with the reason."""
    benchmark_file(folder / "theirs.json", {"t": [0.1, 0.2]})
    ended = typed("export", "theirs.json", "--format", "bmf", "--select", "depth == 1", cwd=folder)
    assert (ended.code, "states none" in ended.err) == (2, True)


def test_history_reads_the_folder(typed, folder):
    """Table, JSON and CSV of all runs; an empty folder ends with 4."""
    assert "change points in" in typed("history", cwd=folder).out
    assert typed("history", "--format", "json", "--metric", "step_time_s", cwd=folder).told["runs"] == 7
    assert typed("history", "--format", "otava-csv", cwd=folder).out.startswith("time,commit,run,")
    assert typed("history", "--results", "nowhere", cwd=folder).code == 4


@pytest.mark.slow
def test_a_duet_of_two_variants_leaves_two_runs(tmp_path):
    """Two settings in turn: two runs whose processes pair up, random order, and a comparison that can be had again."""
    words = ("--suite", "depth", *TINY, "--set-a", "variant=elman", "--set-b", "variant=elman_relu")
    ended = command("duet", *words, "--pairs", "5", "--format", "json", cwd=tmp_path, RNNBENCH_LOCKS=str(tmp_path))
    assert ended.code in (0, 3, 4), ended
    assert (ended.told["paired"], ended.told["design"]) == (True, {"variant": ["elman", "elman_relu"]})
    assert "regressed" not in {one["verdict"] for one in ended.told["findings"] if one["test"] == "exact"}
    assert "Plan, fixed before the first pair" in ended.err
    a, b = sorted(path.parent.name for path in (tmp_path / "results").glob("*/run.json"))
    for run in (load_run(tmp_path / "results" / one) for one in (a, b)):
        assert run.machine["ceilings"]["fp32_flops_per_s"] > 0
        assert all(one.metrics["ceiling_share"] > 0 and one.bound for one in run.records)
    again = command("compare", a, b, "--format", "json", cwd=tmp_path)
    assert (again.code, again.told["findings"]) == (ended.code, ended.told["findings"])


@pytest.mark.slow
def test_a_duet_of_environments(tmp_path):
    """Each side's processes have their own variables; which ones stands in the run."""
    words = ("--suite", "depth", *TINY, "--env-a", "OMP_NUM_THREADS=1", "--env-b", "OMP_NUM_THREADS=2", "--pairs", "5", "--format", "json")
    ended = command("duet", *words, cwd=tmp_path, RNNBENCH_LOCKS=str(tmp_path))
    assert ended.code in (0, 3, 4), ended
    runs = [load_run(path.parent) for path in sorted((tmp_path / "results").glob("*/run.json"))]
    assert [run.machine["torch"]["threads"] for run in runs] == [1, 2]
    assert runs[0].arguments["duet"]["label"] == "A: OMP_NUM_THREADS=1"


@pytest.fixture
def repository(tmp_path) -> Path:
    """A repository of a user's own: a variant, in a second revision broken, and a suite file."""
    home = tmp_path / "repository"
    home.mkdir()
    root = Path(__file__).resolve().parents[2]
    (home / "cells.py").write_text((root / "docs/examples/my_cells.py").read_text(encoding="utf-8"), encoding="utf-8")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "one"), ("tag", "good")):
        git(home, *words)
    (home / "cells.py").write_text("raise RuntimeError('does not build')\n", encoding="utf-8")
    for words in (("commit", "-qam", "two"), ("tag", "bad"), ("checkout", "-q", "good")):
        git(home, *words)
    return home


@pytest.mark.slow
def test_a_duet_of_revisions_leaves_the_checkout_alone(repository):
    """The revision's own files are measured, in a worktree that is gone afterwards; the user's checkout is as it was."""
    words = ("--suite", "depth", *TINY, "--set", "variant=mgu", "--set", "implementation=loop", "--plugin", "cells.py")
    where = {"cwd": repository, "RNNBENCH_LOCKS": str(repository), "GIT_CEILING_DIRECTORIES": ""}
    ended = command("duet", *words, "--rev-a", "good", "--pairs", "5", "--format", "json", **where)
    assert ended.code in (0, 3, 4), ended
    assert {finding["metric"] for finding in ended.told["findings"]} >= {"step_time_s", "operators"}
    broken = command("duet", *words, "--rev-b", "bad", **where)
    assert (broken.code, "does not build" in broken.err) == (2, True)
    trees = git(repository, "worktree", "list")
    assert len(trees.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "A and B are the same"),
        (("--rev-b", "nope"), 2, "is not in a git checkout"),
        (("--python-b", "/nope"), 2, "cannot be started"),
        (("--python-b", "{bare}"), 1, "cannot measure"),
        (("--set-b", "variant=lstm,gru"), 2, "cannot be paired"),
        (("--set", "variant=gru", "--set-b", "variant=lstn"), 2, "unknown variant of B"),
        (("--set-b", "variant=gru", "--pairs", "3"), 2, "rising numbers"),
        (("--set-b", "variant=gru", "--pairs", "x"), 2, "--pairs"),
        (("--env-b", "2 words"), 2, "environment='2 words'"),
    ],
)
def test_duets_that_cannot_be_are_refused(typed, tmp_path, words, code, told):
    """An unknown revision, an interpreter that is none or has no torch, settings that make no pairs: a sentence and an exit code."""
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n', encoding="utf-8")  # without site-packages
    bare.chmod(0o755)
    ended: Ended = typed(
        "duet", "--suite", "depth", *(word.format(bare=bare) for word in words), cwd=tmp_path, RNNBENCH_LOCKS=str(tmp_path)
    )
    assert ended.code == code, ended
    assert told in ended.err
    assert "Traceback" not in ended.err
