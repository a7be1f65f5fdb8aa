"""Faults of a GPU, injected by the stand-in. Each becomes a row with its reason and hurts no other case. Each docstring states one fact."""

import pytest

from tests.standin.support import bench, calls, one_case

TWO = one_case(precision="fp32,tf32")


def ended(folder, fault, *words, suite="depth", cases=TWO, **settings):
    """The records of a run in which one process, the first that gets there, is struck by a fault: those that are not ok come first."""
    folder.joinpath("results").mkdir()
    settings = {"log": folder / "log", "fault_once": folder / "struck", **settings}
    done = bench("run", "--suite", suite, "--device", "cuda", *cases, *words, cwd=folder, fault=fault, **settings)
    assert (folder / "struck").exists(), done.err
    assert calls(folder / "log", "fault")
    return sorted(done.told["records"], key=lambda one: one["status"] == "ok")


@pytest.mark.parametrize("isolation", ["process", "suite"])
def test_out_of_memory_is_one_row(isolation, tmp_path):
    """An allocation that finds no memory ends its case as `oom`; the next case is measured, in the same process too."""
    large = one_case(precision="fp32,tf32", hidden_size=256, batch_size=32, seq_len=64)
    struck, other = ended(tmp_path, "oom@1", "--isolation", isolation, cases=large)
    assert (struck["status"], other["status"]) == ("oom", "ok"), (struck["reason"], other["reason"])
    assert "out of memory" in struck["reason"]


@pytest.mark.parametrize("isolation", ["process", "suite"])
def test_an_illegal_address_is_one_row(isolation, tmp_path):
    """An error after which CUDA refuses every call fails its own case; the next one gets a process without it."""
    struck, other = ended(tmp_path, "illegal@40", "--isolation", isolation)
    assert (struck["status"], other["status"]) == ("failed", "ok"), (struck["reason"], other["reason"])
    assert "illegal memory access" in struck["reason"]


def test_a_lost_device_leaves_a_reason_in_every_row(tmp_path):
    """A GPU that falls off the bus fails the case that it was at and all later ones, each with what CUDA says."""
    records = ended(tmp_path, "lost@40")
    assert [one["status"] for one in records] == ["failed", "failed"]
    assert all("busy or unavailable" in one["reason"] or "device" in one["reason"] for one in records)


def test_a_peer_that_dies_is_one_row(tmp_path):
    """A rank that dies within a collective ends its case with a reason, and the case after it is measured."""
    small = ("--set", "hidden_size=16", "--set", "input_size=16", "--set", "depth=1", "--set", "seq_len=4", "--set", "batch_size=4")
    words = ("--preset", "quick", "--case-budget", "0.02", "--min-rounds", "3", "--no-report", "--json", *small)
    words = (*words, "--set", "processes=2", "--set", "scaling=strong,weak", "--set", "bucket_mib=none", "--set", "accumulation=1")
    struck, other = ended(tmp_path, "peer@4", suite="scaling", cases=words, devices=2, nccl_timeout=5)
    assert struck["status"] in ("crashed", "failed")
    assert struck["reason"]
    assert other["status"] == "ok"
