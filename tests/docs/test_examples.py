"""The example that takes minutes; tests/own has the others, and smaller comparisons."""

import sys

import pytest

from tests.tools import ROOT, ended


@pytest.mark.slow
def test_the_second_example_gives_two_verdicts(tmp_path):
    """Each comparison ends in a sentence that names both sides."""
    told = ended(sys.executable, ROOT / "docs/examples/compare_mine.py", cwd=tmp_path)
    assert told.code == 0, told.err
    assert "3 layers" in told.out
    assert "2 layers" in told.out
    assert "bf16" in told.out
