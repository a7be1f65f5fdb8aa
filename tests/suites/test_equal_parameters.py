"""The sizes of the suite `equal_parameters`, and what its cases are held against."""

import sys

import pytest

from rnnbench.errors import BadExpression
from rnnbench.runs import catalog
from rnnbench.variants import VARIANTS
from tests.tools import ROOT, ended


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("preset", ["quick", "standard"])
def test_every_case_has_the_lstms_weights_within_one_percent(device, preset):
    """By the formulas that tests of variants hold against the modules; the LSTM beside is as wide as its input."""
    for case in catalog.find("equal_parameters").suite.expand(device, preset):
        lstm = VARIANTS["lstm"].parameters(type(case).from_dict({**case.as_dict(), "variant": "lstm", "hidden_size": case.input_size}))
        assert VARIANTS[case.variant].parameters(case) == pytest.approx(lstm, rel=0.01)


def test_the_sizes_follow_from_the_formulas():
    """The table in the suite's file is what docs/make_sizes.py makes of the variants' parameter formulas."""
    told = ended(sys.executable, ROOT / "docs/make_sizes.py", "--check", cwd=ROOT)
    assert (told.code, told.err) == (0, "")


@pytest.mark.parametrize("name", ["hidden_size", "input_size", "depth", "bidirectional"])
def test_what_the_equality_rests_on_cannot_be_overridden(name):
    """A size that would end the equality of weights is refused with the axes that belong together."""
    value = True if name == "bidirectional" else 64
    with pytest.raises(BadExpression, match="sets depth, hidden_size, input_size, bidirectional together"):
        catalog.find("equal_parameters").suite.expand(overrides={name: (value,)})
