"""A run from first to last, as a user starts it: what it leaves on disk."""

import itertools
import json
import statistics
import sys

import pytest
from packaging.version import Version

from rnnbench import record
from rnnbench.case import Case
from rnnbench.runs import catalog
from tests.limits import scaled
from tests.tools import command, ended, only_run, toy_plugin

VARIANTS = """
import os, sys, time
import torch
from torch import nn
from rnnbench import variant

def odd(name, forward):
    class Odd(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.layer = nn.Linear(size, size)
        def forward(self, x):
            return forward(self.layer(x))
    variant(source="here", name=name)(lambda case: Odd(case.input_size))

odd("fine", lambda x: x)
odd("raises", lambda x: {}["no such key"])
odd("aborts", lambda x: os.abort())
odd("leaves", lambda x: os._exit(7))
odd("killed", lambda x: os.kill(os.getpid(), 9))
odd("hangs", lambda x: time.sleep(600))
odd("turned", lambda x: x.transpose(0, 1))
odd("nan", lambda x: x * float("nan"))
odd("hungry", lambda x: torch.empty(2**50))
odd("fine_too", lambda x: x)
"""
SUITE = """
from rnnbench import Suite, grid
NAMES = ("fine", "raises", "aborts", "leaves", "killed", "hangs", "turned", "nan", "hungry", "fine_too")
SUITE = Suite("troubled", title="Trouble", question="What if?", x="depth", hue="variant",
              cases=grid(variant=NAMES, depth=1, hidden_size=8, input_size=8, batch_size=2, seq_len=3))

def bench_troubled(measure, case):
    measure(case)
"""
OUTCOMES = {
    "fine": ("ok", ""),
    "raises": ("failed", "KeyError: 'no such key'"),
    "aborts": ("crashed", "killed by SIGABRT"),
    "leaves": ("crashed", "its process exited with code 7"),
    "killed": ("crashed", "killed by SIGKILL"),
    "hangs": ("timeout", "still running after"),
    "turned": ("failed", "ValueError: variant 'turned' returned shape (2, 3, 8), wanted (seq_len 3, batch_size 2, features)"),
    "nan": ("diverged", "the output of 'nan', shape (3, 2, 8), holds NaN or infinity"),
    "hungry": ("oom", "RuntimeError: "),
    "fine_too": ("ok", ""),
}


@pytest.fixture(scope="session")
def whole(finished):
    """The run that every test of this file may look at: its folder and what is in it."""
    folder, done = finished
    assert done.code == 0, done.err
    return only_run(folder / "results")


def test_every_planned_case_has_its_record(whole):
    """Each case of the plan has one record, in the plan's order."""
    _, run = whole
    planned = [(str(Case.from_dict(one["case"])), one["process"]) for one in run.planned]
    assert [one.key for one in run.records] == planned
    assert len(planned) == 12


def test_what_cannot_be_had_is_a_row(whole):
    """A precision that the device lacks is a record with its reason, beside those that were measured."""
    _, run = whole
    told = {one.case.precision: (one.status, one.reason) for one in run.records}
    assert told == {"fp32": ("ok", ""), "tf32": ("unsupported", "TF32 is a format of NVIDIA's tensor cores; cpu has none")}


def test_each_case_has_a_process_of_its_own(whole):
    """By default every record comes from another process."""
    _, run = whole
    assert len({one.pid for one in run.records}) == len(run.records)


def test_raw_samples_are_kept(whole):
    """A record holds the time of every round, from which its median, count and sum can be computed again."""
    for one in whole[1].records:
        if one.status == "ok":
            assert one.metrics["step_time_s"] == statistics.median(one.times_s) > 0
            assert one.metrics["rounds"] == len(one.times_s) >= 3
            assert one.metrics["measured_s"] == pytest.approx(sum(one.times_s))


def test_a_train_step_is_the_sum_of_its_parts(whole):
    """The parts of a train step leave little of it unaccounted for, and none takes longer than the whole."""
    for one in whole[1].records:
        if one.status == "ok" and one.case.phase == "train":
            parts = [one.metrics[name] for name in record.PARTS if name in one.metrics]
            assert max(parts) < one.metrics["step_time_s"]
            assert len(parts) == 5


def test_the_run_says_on_what_and_how_it_was_measured(whole):
    """run.json states the machine, the build of torch, the commit, the arguments, the budget, and when it began and ended."""
    _, run = whole
    assert run.machine["cpu"]["model"]
    assert (
        Version(run.machine["torch"]["version"]).public == Version(run.machine["packages"]["torch"]).public
    )  # which may leave out "+cu124"
    assert run.machine["torch"]["threads"] >= 1
    assert run.arguments["preset"] == "quick"
    assert run.arguments["budget"]["max_time_s"] == 0.02
    assert run.arguments["command"][:3] == ["rnnbench", "run", "--suite"]
    assert run.started_utc < run.finished_utc
    assert run.suites == (catalog.find("depth").suite.about(),)
    assert not run.interrupted


def test_a_case_begins_after_the_one_before_it_has_ended(whole):
    """Cases never overlap: each was started when its predecessor's record was made."""
    records = whole[1].records
    assert all(before.finished_utc <= after.started_utc for before, after in itertools.pairwise(records))


def test_pytest_benchmark_reads_the_export(whole, tmp_path):
    """`pytest-benchmark compare` shows every measured case of benchmark.json, and no other."""
    folder, run = whole
    done = ended(sys.executable, "-m", "pytest_benchmark", "compare", folder / "benchmark.json", "--columns=median,rounds", cwd=tmp_path)
    assert done.code == 0, done.err
    for one in run.records:
        assert (str(one.case).partition("/")[2] in done.out) is (one.status == "ok")


def test_the_export_has_the_statistics_of_the_samples(whole):
    """benchmark.json states the same rounds, median and plain fields as the records."""
    folder, run = whole
    rows = {row["param"]: row for row in json.loads((folder / "benchmark.json").read_text())["benchmarks"]}
    for one in run.records:
        if one.status == "ok":
            row = rows[str(one.case)]
            assert row["stats"]["data"] == list(one.times_s)
            assert row["stats"]["median"] == pytest.approx(one.metrics["step_time_s"])
            assert row["extra_info"]["case"] == one.case.as_dict()


def test_a_run_ends_with_its_report(finished, whole):
    """The run names its folder and the report that it wrote, for scripts."""
    folder, done = finished
    assert (folder / done.told["folder"]) == whole[0]
    page = (folder / done.told["report"]).read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert (folder / done.told["report"]).parent == folder / "reports"
    assert [row["id"] for row in done.told["records"]] == [str(one.case) for one in whole[1].records]


@pytest.fixture(scope="session", params=["process", "suite"])
def troubled(request, tmp_path_factory):
    """A suite and variants of a user's own, most of which go wrong, each case in a process of its own or all in one."""
    folder = tmp_path_factory.mktemp("troubled")
    (folder / "bench_troubled.py").write_text(SUITE)
    (folder / "odd.py").write_text(VARIANTS)
    told = ("--suite", "bench_troubled.py", "--plugin", "odd.py", "--device", "cpu")
    quick = ("--preset", "quick", "--case-budget", "0.02", "--case-timeout", scaled(5), "--isolation", request.param)
    return folder, command("run", *told, *quick, cwd=folder)


def test_whatever_happens_to_a_case_it_is_a_row(troubled):
    """A case that raises, aborts, exits, is killed, hangs, diverges or wants too much is a record that says so; the rest is measured."""
    folder, _ = troubled
    _, run = only_run(folder / "results")
    found = {one.case.variant: one for one in run.records}
    assert list(found) == list(OUTCOMES)
    for name, (status, reason) in OUTCOMES.items():
        assert (found[name].status, reason in found[name].reason) == (status, True), found[name].reason
        assert (found[name].times_s != ()) is (status == "ok")


def test_failed_cases_end_a_run_with_their_own_code(troubled):
    """A run whose cases failed is finished, reported, and ends with exit code 5; no traceback reaches the terminal."""
    folder, done = troubled
    assert done.code == 5
    assert "Traceback" not in done.out + done.err
    assert "2 of 10 cases measured" in done.out
    assert list((folder / "reports").glob("*.html"))


def test_what_a_failing_process_said_is_kept(troubled):
    """The record names a log, and the log holds the traceback or the stack at which it hung."""
    folder, _ = troubled
    home, run = only_run(folder / "results")
    logs = {one.case.variant: (home / "logs" / one.log).read_text() for one in run.records if one.log}
    assert "KeyError: 'no such key'" in logs["raises"]
    assert "Fatal Python error: Aborted" in logs["aborts"]
    assert "time.sleep(600)" in logs["hangs"] or "odd.py" in logs["hangs"]


def test_cases_may_share_a_process(tmp_path):
    """With --isolation suite the cases of a repeat share one process, repeats do not, and peaks and samples are there as ever."""
    axes = ("--set", "variant=lstm", "--set", "depth=1,2", "--set", "phase=train", "--set", "precision=fp32", "--set", "hidden_size=8")
    quick = ("--preset", "quick", "--case-budget", "0.02", "--isolation", "suite", "--processes", "2", "--no-report")
    done = command("run", "--suite", "depth", *axes, *quick, cwd=tmp_path)
    assert done.code == 0, done.err
    _, run = only_run(tmp_path / "results")
    pids = {process: {one.pid for one in run.records if one.process == process} for process in (0, 1)}
    assert [len(pids[process]) for process in (0, 1)] == [1, 1]
    assert pids[0] != pids[1]
    assert {one.key for one in run.records} == {(str(Case.from_dict(one["case"])), one["process"]) for one in run.planned}
    assert not (tmp_path / "reports").exists()


def test_a_device_of_a_plugin_can_be_measured(tmp_path):
    """A device that a plugin brings is measured in forked workers, with its own peaks."""
    axes = ("--set", "variant=gru", "--set", "depth=1", "--set", "precision=fp16", "--set", "seq_len=3", "--set", "phase=train")
    quick = ("--preset", "quick", "--case-budget", "0.01", "--no-report", "--json")
    done = command("run", "--suite", "depth", "--device", "toy", "--plugin", toy_plugin(), *axes, *quick, cwd=tmp_path)
    (row,) = done.told["records"]
    assert (row["status"], row["reason"]) == ("ok", "")
    assert row["metrics"]["peak_allocated_bytes"] > row["metrics"]["parameter_bytes"]
    assert row["metrics"]["unscale_s"] > 0
