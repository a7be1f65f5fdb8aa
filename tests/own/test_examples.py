"""What docs/own-model.md shows runs, and gives what it says. tests/docs runs compare_mine.py, which takes minutes."""

import sys

import pytest

from rnnbench.registry import load_file
from rnnbench.variants import VARIANTS
from tests.measure.parts import workload
from tests.tools import ROOT, ended

EXAMPLES = ROOT / "docs/examples"


def test_the_first_example_shows_both_precisions(tmp_path):
    """Started as a script, it prints a table with a row for each case, and none of them failed."""
    told = ended(sys.executable, EXAMPLES / "measure_mine.py", cwd=tmp_path)
    assert told.code == 0, told.err
    rows = [line.split()[:4] for line in told.out.splitlines() if line.split()[:1] in (["forward"], ["train"])]
    each = [["forward", "none"], ["train", "none"], ["train", "1.0"]]
    assert rows == [[phase, form, clip, "ok"] for form in ("fp32", "bf16") for phase, clip in each]


@pytest.mark.slow
def test_snippets_are_measured_as_they_are_written(tmp_path):
    """All of them, but for the one that does not run in plain PyTorch, whose row says why."""
    told = ended(sys.executable, EXAMPLES / "snippets.py", "0.02", cwd=tmp_path)
    assert told.code == 0, told.err
    rows = [line.split()[:3] for line in told.out.splitlines() if line.startswith("own:")]
    failed = {name for name, _, status in rows if status != "ok"}
    assert (len(rows), failed) == (16, {"own:speech_as_written"})
    assert "'tuple' object has no attribute" in told.out


def test_the_variant_with_begin_and_advance_decodes():
    """Step by step it gives what it gives at once."""
    import torch

    load_file(EXAMPLES / "my_cells.py")
    fields = {"variant": "mgu", "implementation": "loop", "seq_len": 5}
    with workload(phase="decode", **fields) as work, torch.no_grad():
        whole = work.model(work._batches[0][0])
        steps = work.stream.outputs(5)
    torch.testing.assert_close(steps, whole)
    assert "mgu" in VARIANTS
