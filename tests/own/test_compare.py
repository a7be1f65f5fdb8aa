"""rnnbench.compare: two models in turn, in processes of their own, with a verdict."""

import threading

import pytest
import torch
from torch import nn

import rnnbench
from rnnbench.budget import Budget
from rnnbench.errors import UnknownName, UsageError
from rnnbench.interactive import Compared
from tests.own import models

BUDGET = Budget(max_time_s=0.01, precision=0.5, min_rounds=2)


@pytest.fixture(scope="module")
def compared() -> Compared:
    """A step against one of a hundred times the work: no machine is so busy that they would be alike."""
    small, large = nn.LSTM(16, 16, batch_first=True), nn.LSTM(16, 256, 2, batch_first=True)
    return rnnbench.compare(small, large, torch.ones(8, 40, 16), phases="forward", budget=BUDGET, names=("small", "large"), pairs=(5,))


def test_the_slower_is_named_with_its_ratio_and_interval(compared):
    """In the reader's direction, with both step times."""
    assert compared.verdict == "regressed"
    said = repr(compared)
    assert said.startswith("large is ")
    assert "slower than small: step time" in said
    (finding,) = (one for one in compared.comparison.findings if one.metric == "step_time_s")
    assert finding.low <= finding.ratio <= finding.high
    assert finding.ratio > 2


def test_every_pair_is_two_processes(compared):
    """Five, and ten fresh ones to confirm the difference; no process is another's."""
    assert (len(compared.a), len(compared.b)) == (15, 15)
    assert len({one.pid for one in (*compared.a, *compared.b)}) == 30


def test_a_comparison_shows_itself(compared):
    """The sentence and both tables, as HTML."""
    html = compared._repr_html_()
    assert "slower than small" in html
    assert html.count("<table>") >= 2


def test_one_model_in_two_settings():
    """set_b is what b has otherwise."""
    model = models.ItsOwnLoss()
    found = rnnbench.compare(model, model, torch.ones(2, 4), set_b={"clip_norm": 1.0}, budget=BUDGET, pairs=(5,))
    assert [{one.case.clip_norm for one in side} for side in (found.a, found.b)] == [{None}, {1.0}]


def test_what_cannot_be_set_is_refused():
    """With what can."""
    with pytest.raises(UnknownName, match=r"unknown setting 'depth'.*precision, clip_norm"):
        rnnbench.compare(nn.Linear(4, 4), nn.Linear(4, 4), torch.ones(2, 4), set_b={"depth": 2})


def test_without_processes_there_is_no_verdict():
    """Rounds within one process are no evidence: it is refused, with the reason."""
    model = models.ItsOwnLoss()
    model.lock = threading.Lock()
    with pytest.raises(UsageError, match=r"each model in its own process.*lock"):
        rnnbench.compare(model, models.ItsOwnLoss(), torch.ones(2, 4))
