"""Linear recurrences in one kernel each way, under Triton's interpreter, against the loop in float64; what they move and launch."""

from tests.kernels.parts import counted, off, stored  # first: it skips where Triton is not installed

# isort: split
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnbench.variants._scan import by_steps
from rnnbench.variants.kernels.linear import recurrence
from rnnbench.variants.kernels.traffic import BACKWARD, FORWARD
from tests.variants.parts import built, input_for, outcome

NAMES = sorted(FORWARD)
SHAPES = st.fixed_dictionaries(
    {
        "hidden_size": st.integers(1, 70),
        "input_size": st.integers(1, 9),
        "batch_size": st.integers(1, 3),
        "seq_len": st.integers(1, 9),
        "bidirectional": st.booleans(),
    }
)
ONE = {"hidden_size": 1, "input_size": 1, "batch_size": 1, "seq_len": 1}
SAME = {"hidden_size": 33, "input_size": 33, "batch_size": 2, "seq_len": 5}  # SRU's way past the cell is its input
TOLERANCES = {torch.float32: 2e-5, torch.bfloat16: 0.05, torch.float16: 0.005}  # of a result's norm, stored in that format


@pytest.mark.parametrize("name", NAMES)
@given(fields=SHAPES)
@example(fields=ONE)
@example(fields=SAME)
@example(fields={**SAME, "seq_len": 3, "hidden_size": 130, "input_size": 2})
@settings(max_examples=6)
def test_a_kernel_computes_the_formula(name, fields):
    """In float64 the output and every gradient are those of the plain loop to 1e-9, whatever the shape."""
    x = input_for(fields)
    plain, kernel = (outcome(built(name, way, fields), x) for way in ("loop", "triton"))
    for a, b in zip(plain, kernel, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-10 * max(float(a.abs().max()), 1e-3))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("fields", [ONE, SAME, {"hidden_size": 48, "input_size": 16, "batch_size": 3, "seq_len": 40}], ids=str)
def test_a_stored_format_costs_no_more_than_its_rounding(name, dtype, fields):
    """Weights, input and states in fp32, bf16 or fp16 stay within the stated share, in norm, of float64 from the same numbers."""
    exact, kernel = (stored(name, way, fields, dtype) for way in ("loop", "triton"))
    assert kernel[0].dtype == dtype
    assert off(exact, kernel) <= TOLERANCES[dtype]


@pytest.mark.parametrize("name", NAMES)
def test_a_long_sequence_stays_exact(name):
    """After 1,000 steps in fp32 the outputs and gradients are within 1e-4 of float64."""
    fields = {"hidden_size": 3, "input_size": 2, "batch_size": 1, "seq_len": 1000}
    exact, kernel = (stored(name, way, fields, torch.float32) for way in ("loop", "triton"))
    assert off(exact, kernel) <= 1e-4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gates_driven_to_their_ends_stay_finite(name, dtype):
    """Inputs of thousands give neither infinity nor NaN, forwards or backwards."""
    fields = {"hidden_size": 8, "input_size": 8, "batch_size": 2, "seq_len": 30}
    for found in outcome(built(name, "triton", fields, dtype=dtype), 1e3 * input_for(fields, dtype)):
        assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bytes_moved_are_those_of_the_formula_and_near_the_least(name, dtype):
    """What the kernels' masks let through equals the formula, and is at most 1.3 times the least; one launch each way."""
    size, batch, steps = 40, 3, 24
    fields = {"hidden_size": size, "input_size": 7, "batch_size": batch, "seq_len": steps}
    model, x = built(name, "triton", fields, dtype=torch.float32), input_for(fields, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16), counted() as forward:
        output = model(x)
    with counted() as backward:
        output.float().sum().backward()
    for one, count in ((FORWARD[name], forward), (BACKWARD[name], backward)):
        moved = count["loaded"] + count["stored"]
        unread = size * batch * dtype.itemsize if one is BACKWARD[name] else 0  # the state before the first step is zero
        assert moved == one.bytes_moved(steps, batch, size, dtype.itemsize) - unread
        assert one.bytes_moved(steps, batch, size, dtype.itemsize) <= 1.3 * one.least_bytes(steps, batch, size, dtype.itemsize)
        assert count["launches"] == 1


def test_coefficients_may_be_given():
    """h' = a h + b from a and b themselves, with both gradients."""
    a, b = torch.rand(2, 4, 2, 2, dtype=torch.float64).unbind(0)
    a, b = a.requires_grad_(), b.requires_grad_()
    with torch.no_grad():
        torch.testing.assert_close(recurrence("given", b, a), by_steps(a, b))
    assert torch.autograd.gradcheck(lambda a, b: recurrence("given", b, a), (a, b))


@pytest.mark.parametrize("name", ["qrnn", "sru"])
def test_inference_keeps_no_states(name):
    """Without gradients nothing is stored but the output."""
    fields = {"hidden_size": 16, "input_size": 16, "batch_size": 2, "seq_len": 5}
    with torch.no_grad(), counted() as count:
        built(name, "triton", fields)(input_for(fields))
    assert count["stored"] == 5 * 2 * 16 * torch.float64.itemsize
