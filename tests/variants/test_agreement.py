"""A variant's implementations are one network: equal weights, outputs and gradients."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnbench.errors import Unsupported
from rnnbench.measure.workload import output_of
from rnnbench.variants import VARIANTS
from tests.tools import small_case

SHAPES = st.fixed_dictionaries(
    {
        "depth": st.integers(1, 3),
        "hidden_size": st.integers(1, 7),
        "input_size": st.integers(1, 7),
        "batch_size": st.integers(1, 4),
        "seq_len": st.integers(1, 6),
        "bidirectional": st.booleans(),
    }
)
CLASSIC = ("elman", "elman_relu", "lstm", "gru")  # the others: test_recurrent.py
EVERY = [(name, way) for name in CLASSIC for way in VARIANTS[name].implementations]
WAYS = [(name, way) for name, way in EVERY if way != "fused" and (name, "fused") in EVERY]


def built(name: str, way: str, fields: dict, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return VARIANTS[name].module(small_case(variant=name, implementation=way, **fields)).double().eval()  # dropout would differ


@pytest.mark.parametrize(("name", "way"), WAYS)
@given(fields=SHAPES)
@example(fields={"depth": 1, "hidden_size": 1, "input_size": 1, "batch_size": 1, "seq_len": 1, "bidirectional": False})
@example(fields={"depth": 3, "hidden_size": 5, "input_size": 3, "batch_size": 1, "seq_len": 1, "bidirectional": True})
@example(fields={"depth": 2, "hidden_size": 3, "input_size": 7, "batch_size": 4, "seq_len": 6, "bidirectional": True})
@settings(max_examples=15)
def test_an_implementation_computes_what_the_fused_kernel_does(name, way, fields):
    """In double precision the output and the gradient of every weight and of the input equal the fused kernel's, whatever the shape."""
    x = torch.randn(fields["seq_len"], fields["batch_size"], fields["input_size"], dtype=torch.float64)
    towards = torch.randn(*x.shape[:2], fields["hidden_size"] * (1 + fields["bidirectional"]), dtype=torch.float64)
    found = []
    for implementation in ("fused", way):
        model, given_x = built(name, implementation, fields), x.clone().requires_grad_()
        output = output_of(model(given_x))
        (output * towards).sum().backward()
        found.append([output, given_x.grad, *(p.grad for p in model.parameters())])
    for fused, other in zip(*found, strict=True):
        torch.testing.assert_close(other, fused, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_equal_seeds_give_equal_weights(name, way):
    """The seed decides the weights, bit for bit and in the same order, whatever the implementation; another seed gives others."""
    fields = {"depth": 2, "bidirectional": True}
    fused, other, reseeded = built(name, "fused", fields), built(name, way, fields), built(name, way, fields, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(fused.parameters(), other.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(fused.parameters(), reseeded.parameters(), strict=True))


@pytest.mark.parametrize(("name", "way"), EVERY)
def test_the_output_has_the_shape_that_a_variant_promises(name, way):
    """(seq_len, batch_size, features), twice the hidden size where the sequence is read both ways."""
    fields = {"depth": 2, "hidden_size": 5, "input_size": 3, "batch_size": 4, "seq_len": 6, "bidirectional": True}
    assert output_of(built(name, way, fields)(torch.randn(6, 4, 3, dtype=torch.float64))).shape == (6, 4, 10)


@pytest.mark.parametrize(("name", "way"), EVERY)
def test_a_later_input_does_not_change_an_earlier_output(name, way):
    """A network that reads one way is causal; one that reads both ways is not."""
    x = torch.randn(6, 2, 8, dtype=torch.float64)
    changed = torch.cat([x[:5], x[5:] + 1])
    for bidirectional in (False, True):
        model = built(name, way, {"depth": 2, "bidirectional": bidirectional})
        first, second = output_of(model(x)), output_of(model(changed))
        assert torch.equal(first[:5], second[:5]) is not bidirectional
        assert not torch.equal(first[5], second[5])


@pytest.mark.parametrize(("name", "layers"), [("elman", 1), ("elman_relu", 1), ("lstm", 4), ("gru", 3)])
def test_depth_is_the_number_of_layers(name, layers):
    """A network of depth 3 holds exactly three layers' weights: the gates' matrices and two biases each."""
    model = built(name, "fused", {"depth": 3, "hidden_size": 5, "input_size": 2})
    assert sum(p.numel() for p in model.parameters()) == sum(layers * 5 * (inputs + 5 + 2) for inputs in (2, 5, 5))


def test_the_two_elman_networks_differ():
    """tanh stays within one, relu is never below zero and goes beyond."""
    x = 10 * torch.randn(9, 4, 8, dtype=torch.float64)
    tanh, relu = (output_of(built(name, "loop", {})(x)) for name in ("elman", "elman_relu"))
    assert tanh.abs().max() <= 1
    assert tanh.min() < 0
    assert relu.min() == 0
    assert relu.max() > 1


def test_an_implementation_that_a_variant_lacks_is_unsupported(tmp_path):
    """Asking for it raises Unsupported, which becomes a record, with what there is."""
    from rnnbench.variants._registry import Variant

    lone = Variant("lone", lambda case: torch.nn.Identity(), ("loop",), "here", "")
    with pytest.raises(Unsupported, match="lone has no 'fused' implementation; it has: loop"):
        lone.module(small_case(variant="lone"))
