"""Plugins that change torch's settings, through the command line: the built-in variants' figures stay what they were."""

import pytest

from tests.tools import QUICK, command, only_run

PLUGIN = """
import torch
from torch import nn
from rnnbench import variant

torch.set_default_dtype(torch.float64)
torch.set_num_threads(2)
torch.manual_seed(99)

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
    for name in ("default dtype: float32 → float64", "threads: 1 → 2"):
        assert all(any(note == f"mine.py set torch's {name}; put back" for note in one.notes) for one in run.records)
    builder = "the builder of 'unsettling' set torch's torch.backends.mkldnn.enabled"
    assert any(note.startswith(builder) for note in found["unsettling"].notes)
    assert not any("builder" in note or "before the case began" in note for note in lstm.notes)
