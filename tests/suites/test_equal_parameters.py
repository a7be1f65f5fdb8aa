"""The sizes of the suite `equal_parameters`, and what its cases are held against."""

import pytest

from rnnbench.runs import catalog
from rnnbench.variants import VARIANTS


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("preset", ["quick", "standard"])
def test_every_case_has_the_lstms_weights_within_one_percent(device, preset):
    """By the formulas that tests of variants hold against the modules; the LSTM beside is as wide as its input."""
    for case in catalog.find("equal_parameters").suite.expand(device, preset):
        lstm = VARIANTS["lstm"].parameters(type(case).from_dict({**case.as_dict(), "variant": "lstm", "hidden_size": case.input_size}))
        assert VARIANTS[case.variant].parameters(case) == pytest.approx(lstm, rel=0.01)
