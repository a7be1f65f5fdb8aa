"""Networks with a matrix product for each step, in two launches a step each way: interpreted, against the loop in float64."""

from tests.kernels.parts import Products, counted, off, stored  # first: it skips where Triton is not installed

# isort: split
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnbench.errors import BadValue
from rnnbench.variants.kernels import WIDEST_NORM
from rnnbench.variants.kernels.steps import rows_of
from rnnbench.variants.kernels.traffic import STEP_BACKWARD, STEP_FORWARD, STEP_LAUNCHES
from tests.variants.parts import built, input_for, outcome

NAMES = ["ln_lstm", "ln_lstm_gates", "res_ln_lstm", "slstm"]
SHAPES = st.fixed_dictionaries(
    {
        "hidden_size": st.integers(2, 40),
        "input_size": st.integers(1, 9),
        "batch_size": st.integers(1, 3),
        "seq_len": st.integers(1, 6),
        "bidirectional": st.booleans(),
    }
)
ONE = {"hidden_size": 2, "input_size": 1, "batch_size": 1, "seq_len": 1}
ODD = {"hidden_size": 33, "input_size": 7, "batch_size": 2, "seq_len": 5}
TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 0.12, torch.float16: 0.02}  # of a result's norm; products are rounded at each step


@pytest.mark.parametrize("name", NAMES)
@given(fields=SHAPES)
@example(fields=ONE)
@example(fields=ODD)
@settings(max_examples=6)
def test_a_kernel_computes_the_formula(name, fields):
    """In float64 the output and every gradient are those of the plain loop, whatever the shape."""
    x = input_for(fields)
    plain, kernel = (outcome(built(name, way, fields), x) for way in ("loop", "triton"))
    for a, b in zip(plain, kernel, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-6, atol=1e-6 * max(float(a.abs().max()), 1e-3))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("fields", [ODD, {"hidden_size": 48, "input_size": 16, "batch_size": 3, "seq_len": 30}], ids=str)
def test_a_stored_format_costs_no_more_than_its_rounding(name, dtype, fields):
    """Weights, input and outputs in fp32, bf16 or fp16 stay within the stated share, in norm, of float64 from the same numbers."""
    exact, kernel = (stored(name, way, fields, dtype) for way in ("loop", "triton"))
    assert kernel[0].dtype == dtype
    assert off(exact, kernel) <= TOLERANCES[dtype]


@pytest.mark.parametrize("name", NAMES)
def test_a_long_sequence_stays_exact(name):
    """After 120 steps in fp32 the outputs and gradients are within 1e-3 of float64."""
    fields = {"hidden_size": 4, "input_size": 2, "batch_size": 1, "seq_len": 120}
    exact, kernel = (stored(name, way, fields, torch.float32) for way in ("loop", "triton"))
    assert off(exact, kernel) <= 1e-3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gates_driven_to_their_ends_stay_finite(name, dtype):
    """Inputs of thousands give neither infinity nor NaN, forwards or backwards."""
    fields = {"hidden_size": 8, "input_size": 8, "batch_size": 2, "seq_len": 20}
    for found in outcome(built(name, "triton", fields, dtype=dtype), 1e3 * input_for(fields, dtype)):
        assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_step_takes_two_launches_each_way(name):
    """Each step more costs one kernel and one matrix product forwards, and as much backwards; no other operator computes anything."""
    counts = []
    for steps in (5, 9):
        model, x = built(name, "triton", {**ODD, "seq_len": steps}), input_for({**ODD, "seq_len": steps})
        with Products() as forward_products, counted() as forward:
            output = model(x)
        with Products() as backward_products, counted() as backward:
            output.sum().backward()
        counts.append((forward["launches"], forward_products.count, backward["launches"], backward_products.count))
    assert [more - fewer for fewer, more in zip(*counts, strict=True)] == [4, 4, 4, 4]  # of four steps more
    assert STEP_LAUNCHES == 2


@pytest.mark.parametrize("name", sorted(STEP_FORWARD))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bytes_moved_are_those_of_the_formula(name, dtype):
    """What the masks of a step's kernel let through is what the formula states, each way."""
    model, x = built(name, "triton", ODD, dtype=torch.float32), input_for(ODD, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16), counted() as forward:
        output = model(x)
    with counted() as backward:
        output.float().sum().backward()
    for one, count in ((STEP_FORWARD[name], forward), (STEP_BACKWARD[name], backward)):
        moved = one.bytes_moved(ODD["batch_size"], ODD["hidden_size"], dtype.itemsize)
        assert count["loaded"] + count["stored"] == ODD["seq_len"] * moved


def test_a_row_beyond_one_program_is_refused_by_name():
    """A hidden size that no program holds names the limit and what would do."""
    with pytest.raises(BadValue, match=f"{WIDEST_NORM + 1}.*at most {WIDEST_NORM} .*fused takes any"):
        rows_of(WIDEST_NORM + 1, WIDEST_NORM)
