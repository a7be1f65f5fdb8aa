"""Attention: the fast forms against the dense oracle, what each pattern sees, and that memory grows linearly."""

from itertools import product

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

import tests.toy  # noqa: F401 - registers the device
from rnnbench.measure.probes.memory import activation_bytes
from rnnbench.measure.workload import output_of
from rnnbench.variants import VARIANTS, block_sparse, strided_attention, window_attention
from rnnbench.variants import _attention as attention
from rnnbench.variants._attention import heads_of
from rnnbench.variants.transformer import DENSE
from tests.measure.parts import workload
from tests.tools import small_case
from tests.variants.parts import built, input_for, outcome

SPARSE = ("window_attention", "block_sparse", "strided_attention")
STATELESS = ("transformer", *SPARSE, "linear_attention")
EVERY = (*STATELESS, "griffin", "lstm_attention")
SHAPES = st.fixed_dictionaries(
    {
        "depth": st.integers(1, 3),
        "hidden_size": st.integers(1, 9),
        "input_size": st.integers(1, 9),
        "batch_size": st.integers(1, 3),
        "seq_len": st.integers(1, 40),
        "window": st.integers(1, 20),
        "block_size": st.integers(1, 10),
        "bidirectional": st.booleans(),
    }
)
ONE = {"depth": 1, "hidden_size": 1, "input_size": 1, "batch_size": 1, "seq_len": 1, "window": 1, "block_size": 1, "bidirectional": False}
ODD = {"depth": 2, "hidden_size": 7, "input_size": 5, "batch_size": 1, "seq_len": 37, "window": 7, "block_size": 3, "bidirectional": True}
HEADS = {
    "depth": 2,
    "hidden_size": 128,
    "input_size": 128,
    "batch_size": 2,
    "seq_len": 50,
    "window": 8,
    "block_size": 4,
    "bidirectional": False,
}
LONG = {
    "depth": 1,
    "hidden_size": 4,
    "input_size": 4,
    "batch_size": 1,
    "seq_len": 301,
    "window": 48,
    "block_size": 24,
    "bidirectional": False,
}
LOW = {torch.bfloat16: 0.05, torch.float16: 0.01}  # of a result's norm


@pytest.mark.parametrize("name", EVERY)
@given(fields=SHAPES)
@example(fields=ONE)
@example(fields=ODD)
@example(fields=HEADS)
@example(fields=LONG)
@settings(max_examples=8)
def test_the_fast_form_is_the_dense_oracle(name, fields):
    """In double precision the output and the gradients of the input and of every weight are those of dense, masked scores."""
    x = input_for(fields)
    oracle, fast = (outcome(built(name, way, fields), x) for way in ("loop", "fused"))
    for a, b in zip(oracle, fast, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-8, atol=1e-10 * max(1.0, float(a.abs().max())))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("precision", LOW)
def test_autocast_stays_near_fp32(name, precision):
    """Under autocast, output and gradients of all together stay within a stated share, in norm, of the oracle's in fp32."""
    if name == "lstm_attention" and precision == torch.float16:
        pytest.skip("torch's LSTM on a CPU has no fp16")
    fields = {"depth": 2, "hidden_size": 64, "input_size": 32, "batch_size": 4, "seq_len": 70, "window": 16, "block_size": 8}
    x = input_for(fields, torch.float32)
    exact = outcome(built(name, "loop", fields, dtype=torch.float32), x)
    low = outcome(built(name, "fused", fields, dtype=torch.float32), x, precision)
    off = sum(float((a - b.float()).square().sum()) for a, b in zip(exact, low, strict=True)) ** 0.5
    assert off <= LOW[precision] * sum(float(a.square().sum()) for a in exact) ** 0.5


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("way", ["loop", "fused"])
def test_a_later_input_does_not_change_an_earlier_output(name, way):
    """A network that reads one way is causal, over block borders too; one that reads both ways is not."""
    x = torch.randn(30, 2, 8, dtype=torch.float64)
    for at in (12, 29):
        changed = torch.cat([x[:at], x[at:] + torch.randn(30 - at, 2, 8)])
        for bidirectional in (False, True):
            model = built(name, way, {"depth": 2, "window": 6, "block_size": 3, "bidirectional": bidirectional})
            first, second = output_of(model(x)), output_of(model(changed))
            same = torch.allclose(first[:at], second[:at], rtol=1e-12, atol=1e-12)
            assert same is not bidirectional
            assert not torch.allclose(first[at], second[at])


@pytest.mark.parametrize("name", EVERY)
def test_equal_seeds_give_equal_weights(name):
    """The seed decides the weights, whatever the implementation; the output is twice as wide where the sequence is read both ways."""
    fields = {"depth": 3, "hidden_size": 6, "bidirectional": True}
    oracle, fast = (built(name, way, fields) for way in ("loop", "fused"))
    assert all(torch.equal(a, b) for a, b in zip(oracle.parameters(), fast.parameters(), strict=True))
    assert output_of(fast(input_for(fields))).shape == (3, 2, 12)


def test_a_window_is_what_it_says():
    """Of window 3, position 5 sees 3, 4 and 5, and position 0 itself."""
    seen = window_attention.visible(3, 6, torch.device("cpu"))
    assert seen[5].nonzero().flatten().tolist() == [3, 4, 5]
    assert seen[0].nonzero().flatten().tolist() == [0]


def test_strides_are_what_they_say():
    """Of stride 3, position 8 sees the last three and 5 and 2."""
    assert strided_attention.visible(3, 9, torch.device("cpu"))[8].nonzero().flatten().tolist() == [2, 5, 6, 7, 8]


def test_blocks_see_a_window_the_first_block_and_drawn_ones():
    """Every block sees the two before it and the first, and two others once there are so many, none twice; another seed draws others."""
    table = block_sparse.table(40, seed=0)
    for own, row in enumerate(table):
        chosen = [block for block in row.tolist() if block >= 0]
        assert len(set(chosen)) == len(chosen) == min(own, 5)
        assert {*range(max(0, own - 2), own)} | ({0} if own else set()) <= set(chosen)
        assert all(block < own for block in chosen)
    assert not torch.equal(table, block_sparse.table(40, seed=1))
    assert torch.equal(table, block_sparse.table(40, seed=0))


@pytest.mark.parametrize(("features", "heads"), [(1, 1), (64, 1), (127, 1), (128, 2), (200, 2), (256, 4), (1024, 16)])
def test_a_head_has_64_features(features, heads):
    """One head for every 64 features, fewer where they do not divide, at least one."""
    assert heads_of(features) == heads


@pytest.mark.parametrize("name", [*SPARSE, "linear_attention", "griffin", "transformer"])
def test_activations_grow_linearly(name):
    """Four times the length keeps four times the bytes: no scores are kept."""
    kept = []
    for steps in (256, 1024):
        fields = {"hidden_size": 32, "input_size": 32, "seq_len": steps, "window": 32, "block_size": 16, "batch_size": 1}
        model, x = built(name, "fused", fields, dtype=torch.float32), input_for(fields, torch.float32)
        kept.append(activation_bytes(lambda model=model, x=x: model(x), model))
    assert kept[1] <= 4.1 * kept[0]


def test_a_window_keeps_no_more_than_dense_attention():
    """Queries, keys and values are all that sliding-window attention keeps; torch's flash kernel keeps its output too."""
    q, k, v = (torch.randn(1, 2, 512, 32, requires_grad=True) for _ in range(3))
    sparse, dense = (
        activation_bytes(lambda attend=attend: attend(q * 1, k * 1, v * 1), torch.nn.Identity())
        for attend in (window_attention.local(64).fused, DENSE.fused)
    )
    assert sparse <= dense


@pytest.mark.parametrize("name", STATELESS)
@given(fields=SHAPES)
@settings(max_examples=6)
def test_formulas_count_weights_and_products(name, fields):
    """Weights are those that the module holds. FLOPs count the pairs that are seen, which the oracle's mask shows."""
    case = small_case(variant=name, implementation="loop", **fields)
    with torch.device("meta"):
        model = VARIANTS[name].module(case)
    stated = VARIANTS[name]
    assert sum(p.numel() for p in model.parameters()) == stated.parameters(case)
    if name == "linear_attention":
        return
    seen = {
        "transformer": lambda: attention.causal(case.seq_len, torch.device("cpu")),
        "window_attention": lambda: window_attention.visible(case.window, case.seq_len, torch.device("cpu")),
        "block_sparse": lambda: block_sparse.visible(case.block_size, case.seed, case.seq_len, torch.device("cpu")),
        "strided_attention": lambda: strided_attention.visible(case.window, case.seq_len, torch.device("cpu")),
    }[name]()
    assert stated.flops(case) == attention.flops(lambda _: int(seen.sum()))(case)


def test_the_rest_of_the_formula_is_what_torch_counts():
    """With every pair counted, the formula equals torch's count of the dense oracle on meta tensors."""
    case = small_case(variant="transformer", implementation="loop", depth=2, hidden_size=12, input_size=5, seq_len=9, bidirectional=True)
    with torch.device("meta"):
        model, x = VARIANTS["transformer"].module(case), torch.empty(9, 2, 5)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    assert counter.get_total_flops() == attention.flops(lambda case: case.seq_len**2)(case)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("way", ["loop", "fused"])
def test_every_phase_and_precision_runs_on_the_test_accelerator(name, way):
    """No tensor is left on the CPU, whatever the phase and the precision."""
    for phase, precision in product(("forward", "backward", "train"), ("fp32", "bf16", "fp16")):
        fields = {"phase": phase, "precision": precision, "depth": 2, "seq_len": 9, "window": 4, "block_size": 2, "hidden_size": 12}
        with workload(variant=name, implementation=way, device="toy", **fields) as work:
            work.step()
            work.check()
            assert work.output.device.type == "toy"
