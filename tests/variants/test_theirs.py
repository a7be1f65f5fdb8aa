"""What other packages compute is what ours computes, on equal weights; where they are missing it is told."""

import pytest
import torch

from rnnbench.errors import Unsupported
from rnnbench.variants import VARIANTS
from rnnbench.variants import _registry as registry
from tests.tools import small_case
from tests.variants.parts import built, input_for

FIELDS = {"depth": 2, "hidden_size": 6, "input_size": 6, "batch_size": 2, "seq_len": 23, "window": 5}


def test_their_min_gru_is_ours_without_biases():
    """In double precision, outputs and gradients of the input agree."""
    pytest.importorskip("minGRU_pytorch")
    theirs, ours = built("their_min_gru", "fused", FIELDS), built("min_gru", "fused", FIELDS)
    with torch.no_grad():
        for one, other in zip(theirs, ours, strict=True):
            value, gate = one.theirs.to_hidden_and_gate.weight.chunk(2)
            other.weight.copy_(torch.cat((gate, value)))
            other.bias.zero_()
    found = []
    for model in (theirs, ours):
        x = input_for(FIELDS).requires_grad_()
        y = model(x)
        y.square().sum().backward()
        found.append((y.detach(), x.grad))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8)


def test_their_window_is_ours():
    """On equal weights, outputs and gradients of every weight agree, at a length that is no multiple of the window."""
    pytest.importorskip("local_attention")
    found = []
    for name in ("their_window_attention", "window_attention"):
        model = built(name, "fused", FIELDS)
        y = model(input_for(FIELDS))
        y.square().sum().backward()
        found.append([y.detach(), *(p.grad for p in model.parameters())])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["their_min_gru", "their_window_attention"])
def test_what_is_not_installed_is_told(name, monkeypatch):
    """The reason names the package and the extra, before anything is built."""
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    with pytest.raises(Unsupported, match=rf"{name} needs the package .*pip install 'rnnbench\[others\]'"):
        VARIANTS[name].module(small_case(variant=name))
