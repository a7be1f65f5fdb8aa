"""Plugins that change torch's settings, through the command line: the built-in variants' figures stay what they were."""

import pytest

from rnnbench.analysis.frames import Loaded
from rnnbench.reports.forms.page import render
from rnnbench.reports.run_facts import fingerprint
from tests.tools import QUICK, command, only_run

PLUGIN = """
import gc
import os
import torch
from torch import nn
from rnnbench import variant

torch.set_default_dtype(torch.float64)
torch.set_num_threads(2)
torch.manual_seed(99)
gc.disable()
os.environ["ONEDNN_DEFAULT_FPMATH_MODE"] = "BF16"

@variant(source="here")
def unsettling(case):
    '''Sets what it should not.'''
    torch.backends.mkldnn.enabled = False
    return nn.Linear(case.input_size, case.hidden_size)
"""
SMALL = ("--set", "depth=1", "--set", "hidden_size=8", "--set", "input_size=8", "--set", "batch_size=2", "--set", "seq_len=3")


@pytest.mark.parametrize("isolation", ["process", "suite"])
def test_a_plugin_changes_no_other_variant(isolation, tmp_path):
    """fp32 stays fp32 and one thread one thread, also where cases share a process; every record names what the plugin had set."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    asked = ("--set", "variant=unsettling,lstm", "--set", "phase=train", "--set", "precision=fp32", "--device", "cpu", *SMALL)
    told = ("run", "--suite", "depth", "--plugin", "mine.py", "--threads", "1", "--isolation", isolation, *asked, *QUICK)
    done = command(*told, cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    _, run = only_run(tmp_path / "results")
    found = {one.case.variant: one for one in run.records}
    lstm = found["lstm"]
    assert lstm.metrics["parameter_bytes"] == 4 * lstm.metrics["parameters"] == 4 * 4 * 8 * 18
    assert run.machine["torch"]["threads"] == 1
    page = render([Loaded(run)])
    assert "1 thread" in page
    assert "2 threads" not in page
    assert {fact.name: fact.values for fact in fingerprint([run])}["torch threads"] == ["1"]
    variable = "ONEDNN_DEFAULT_FPMATH_MODE: unset → BF16"
    for change in (
        "torch's default dtype: float32 → float64",
        "torch's threads: 1 → 2",
        "Python's garbage collection: True → False",
        variable,
    ):
        assert all(f"mine.py set {change}; put back" in one.notes for one in run.records)
    builder = "the builder of 'unsettling' set torch.backends.mkldnn.enabled"
    assert any(note.startswith(builder) for note in found["unsettling"].notes)
    assert not any("builder" in note or "before the case began" in note for note in lstm.notes)
