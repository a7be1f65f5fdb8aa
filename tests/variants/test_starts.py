"""How networks start: gradients that last over long sequences."""

import pytest
import torch

from rnnbench.variants import VARIANTS
from tests.tools import small_case


@pytest.mark.parametrize("scale", [0.0, 1.0])
@pytest.mark.parametrize("hidden", [8, 128])
def test_gate_norms_let_gradients_through_4096_steps(hidden, scale):
    """ln_lstm_gates has finite gradients of a usable size over 4,096 steps, of zeros as of noise."""
    case = small_case(variant="ln_lstm_gates", hidden_size=hidden, input_size=8, seq_len=4096, batch_size=1)
    torch.manual_seed(0)
    model, x = VARIANTS["ln_lstm_gates"].module(case), scale * torch.randn(4096, 1, 8)
    (model(x) - torch.randn(4096, 1, hidden)).square().mean().backward()
    norm = torch.sqrt(sum(p.grad.double().square().sum() for p in model.parameters()))
    assert bool(norm.isfinite())
    assert norm < 100
