"""The read-out of a network that answers once and reads both ways: each direction at its own end."""

import pytest
import torch

from rnnbench.measure.learn.learner import Learner
from rnnbench.tasks import PROBLEMS
from rnnbench.variants import VARIANTS
from tests.tools import small_case

FIELDS = {"task": "digits_rows", "phase": "converge", "bidirectional": True, "hidden_size": 6, "input_size": 8, "seq_len": 8}
BOTH_WAYS = ("lstm", "gru", "min_gru", "ln_lstm", "res_lstm", "griffin", "window_attention", "early_exit_lstm", "lstm_attention")


@pytest.mark.parametrize("variant", BOTH_WAYS)
def test_every_step_reaches_the_answer_of_each_direction(variant):
    """The answer hangs on the first and on the last input, also through the backward direction alone."""
    case = small_case(variant=variant, **FIELDS)
    problem = PROBLEMS["digits_rows"]
    torch.manual_seed(0)
    model = Learner(case, problem, problem.make(case)).train()
    hidden = model.hidden(torch.randn(2, 8, 8)).detach().requires_grad_()
    model.answers(hidden).sum().backward()
    seen = hidden.grad.abs().sum((1, 2)) > 0
    first, last = bool(seen[0]), bool(seen[-1])
    assert last
    assert first == (variant != "lstm_attention")  # that one mixes both directions at every step


@pytest.mark.parametrize("variant", [name for name in BOTH_WAYS if name != "lstm_attention"])
def test_the_second_half_is_what_reads_backwards(variant):
    """What the read-out takes as the backward half does change at the first step with the last input, and the forward half does not."""
    case = small_case(variant=variant, **{**FIELDS, "depth": 1})
    torch.manual_seed(0)
    model, x = VARIANTS[variant].module(case).train(), torch.randn(8, 2, 8)
    changed = torch.cat((x[:-1], x[-1:] + 1))
    torch.manual_seed(1)
    before = model(x)
    torch.manual_seed(1)
    after = model(changed)
    before, after = (one if isinstance(one, torch.Tensor) else one[0] for one in (before, after))
    assert torch.equal(before[0, :, :6], after[0, :, :6])
    assert not torch.equal(before[0, :, 6:], after[0, :, 6:])
