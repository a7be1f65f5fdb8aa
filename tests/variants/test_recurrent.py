"""Faster implementations against the plain reading of the formula, and the formulas of cost against the modules."""

import pytest
import torch
from hypothesis import example, given, settings
from torch.utils.flop_counter import FlopCounterMode

from rnnbench.case import Case
from rnnbench.measure.workload import output_of
from rnnbench.variants import VARIANTS
from tests.tools import small_case
from tests.variants.parts import EVERY, FASTER, RECURRENT, SHAPES, WAYS, built, input_for, outcome

NORMED = {"ln_lstm", "ln_lstm_gates", "res_ln_lstm"}  # the norm of nearly equal numbers divides by nearly nothing
LOW = {torch.bfloat16: 0.12, torch.float16: 0.02}  # of a result's norm; eight and eleven bits a product
FP16_RAISES = {"elman", "elman_relu", "lstm", "gru", "res_lstm", "highway_lstm", "drop_lstm"}  # torch's own kernels, on a CPU
WIDE = {"depth": 2, "hidden_size": 24, "input_size": 20, "batch_size": 5, "seq_len": 19, "bidirectional": True}
MIDDLE = {"hidden_size": 64, "input_size": 64, "batch_size": 8, "seq_len": 19}


@pytest.mark.parametrize(("name", "way"), FASTER)
@given(fields=SHAPES)
@example(fields={"depth": 1, "hidden_size": 1, "input_size": 1, "batch_size": 1, "seq_len": 1, "bidirectional": False})
@example(fields={"depth": 2, "hidden_size": 6, "input_size": 3, "batch_size": 1, "seq_len": 1, "bidirectional": True})
@example(fields={"depth": 1, "hidden_size": 8, "input_size": 8, "batch_size": 3, "seq_len": 70, "bidirectional": False})
@settings(max_examples=6)
def test_a_faster_implementation_computes_the_formula(name, way, fields):
    """In double precision the output and every gradient are those of the plain loop, whatever the shape."""
    x = input_for(fields)
    plain, faster = (outcome(built(name, one, fields), x) for one in ("loop", way))
    for a, b in zip(plain, faster, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-6 if name in NORMED else 1e-9, atol=(1e-6 if name in NORMED else 1e-11) * _largest(a))


@pytest.mark.parametrize(("name", "way"), EVERY)
@pytest.mark.parametrize("precision", LOW)
def test_autocast_stays_near_fp32(name, way, precision):
    """Under autocast, output and gradients stay within a stated share, in norm, of the loop's in fp32, or as near as the loop's own."""
    if name in FP16_RAISES and way == "fused" and precision == torch.float16:
        pytest.skip("torch's own kernels on a CPU have no fp16")
    x = input_for(MIDDLE, torch.float32)
    exact = outcome(built(name, "loop", MIDDLE, dtype=torch.float32), x)
    plain, low = (_worst(exact, outcome(built(name, one, MIDDLE, dtype=torch.float32), x, precision)) for one in ("loop", way))
    assert low <= max(LOW[precision], 1.5 * plain)
    assert plain <= 2 * LOW[precision]


@pytest.mark.parametrize("name", RECURRENT)
@pytest.mark.parametrize("seq_len", [1, 2, 17, 40])
def test_single_precision_is_as_good_as_torchs_own(name, seq_len):
    """In fp32, where a CPU's products take another library, the strongest implementation stays within 1e-3 of the loop in double."""
    fields = {**WIDE, "seq_len": seq_len, "hidden_size": 32}
    exact = outcome(built(name, "loop", fields, dtype=torch.float32).double(), input_for(fields, torch.float32).double())
    single = outcome(built(name, "fused", fields, dtype=torch.float32), input_for(fields, torch.float32))
    for a, b in zip(exact, single, strict=True):
        assert (a - b).abs().max() <= 1e-3 * _largest(a)


@pytest.mark.parametrize("name", RECURRENT)
def test_equal_seeds_give_equal_weights(name):
    """The seed decides the weights, bit for bit and in the same order, whatever the implementation; another seed gives others."""
    fields = {"depth": 2, "bidirectional": True}
    every = [built(name, way, fields) for way in WAYS[name]]
    drawn = [p for p in every[0].parameters() if p.unique().numel() > 1]
    assert drawn
    for other in every[1:]:
        assert all(torch.equal(a, b) for a, b in zip(every[0].parameters(), other.parameters(), strict=True))
    reseeded = built(name, "loop", fields, seed=1)
    assert not any(torch.equal(a, b) for a, b in zip(every[0].parameters(), reseeded.parameters(), strict=True) if a.unique().numel() > 1)


@given(fields=SHAPES)
@pytest.mark.parametrize("name", RECURRENT)
@settings(max_examples=8)
def test_formulas_count_what_the_loop_does(name, fields):
    """FLOPs equal those that torch counts on meta tensors, and weights those that the module holds, for every shape."""
    case = small_case(variant=name, implementation="loop", **fields)
    with torch.device("meta"):
        model, x = VARIANTS[name].module(case), torch.empty(case.seq_len, case.batch_size, case.input_size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    stated = VARIANTS[name]
    assert stated.flops is not None
    assert stated.parameters is not None
    assert counter.get_total_flops() == stated.flops(case)
    assert sum(p.numel() for p in model.parameters()) == stated.parameters(case)


@pytest.mark.parametrize("name", [name for name in RECURRENT if "loop" in VARIANTS[name].implementations])
@pytest.mark.parametrize("sizes", [(8, 8), (5, 12)])
def test_state_size_is_what_decoding_keeps(name, sizes):
    """The numbers in the states of all layers, for one sequence."""
    fields = {"depth": 2, "input_size": sizes[0], "hidden_size": sizes[1]}
    model = built(name, "loop", fields)
    kept = sum(sum(s.numel() for s in layer.start(torch.zeros(1, layer.inputs))) for layer in model.modules() if hasattr(layer, "recur"))
    if kept:  # torch's own networks keep their states to themselves
        assert VARIANTS[name].state_size(small_case(**fields)) == kept


@pytest.mark.parametrize("name", sorted(set(RECURRENT) - {"elman", "elman_relu", "lstm", "gru", "drop_lstm"}))
def test_hand_written_gradients_are_the_derivatives(name):
    """Finite differences agree, for the input and every weight, with a gradient that arrives at every step."""
    fields = {"depth": 1, "hidden_size": 4, "input_size": 3, "batch_size": 2, "seq_len": 4}
    model = built(name, "fused", fields).eval()
    names = [n for n, _ in model.named_parameters()]

    def function(x, *weights):
        return output_of(torch.func.functional_call(model, dict(zip(names, weights, strict=True)), (x,)))

    given_ = [input_for(fields), *model.parameters()]
    given_ = [one.detach().clone().requires_grad_() for one in given_]
    assert torch.autograd.gradcheck(function, given_, eps=1e-6, atol=1e-4, rtol=1e-3, nondet_tol=1e-10)


@pytest.mark.parametrize(("name", "way"), EVERY)
def test_one_way_is_causal_and_both_ways_are_not(name, way):
    """A later input changes no earlier output of a network that reads one way."""
    x = input_for({"seq_len": 6})
    changed = torch.cat([x[:5], x[5:] + 1])
    for bidirectional in (False, True):
        model = built(name, way, {"depth": 2, "bidirectional": bidirectional}).eval()
        first, second = output_of(model(x)), output_of(model(changed))
        assert first.shape == (6, 2, 16 if bidirectional else 8)
        assert torch.allclose(first[:5], second[:5], rtol=0, atol=1e-12) is not bidirectional
        assert not torch.equal(first[5], second[5])


def _worst(exact: list[torch.Tensor], found: list[torch.Tensor]) -> float:
    return max(float((a - b.float()).norm() / a.norm().clamp(min=1e-6)) for a, b in zip(exact, found, strict=True))


def _largest(tensor: torch.Tensor) -> float:
    return max(float(tensor.abs().max()), 1e-3)


def test_positive_states_of_min_gru_are_those_of_the_papers_log_space_scan():
    """h from cumulative sums of logarithms, as the paper writes it."""
    fields = {"depth": 1, "seq_len": 30}
    model, x = built("min_gru", "fused", fields), input_for(fields)
    layer = model[0]
    gate, value = layer.project(x).chunk(2, -1)
    log_a, log_z = -torch.nn.functional.softplus(gate), -torch.nn.functional.softplus(-gate)
    log_g = torch.where(value >= 0, (value.relu() + 0.5).log(), -torch.nn.functional.softplus(-value))
    decay = log_a.cumsum(0)
    torch.testing.assert_close(model(x), (decay + (log_z + log_g - decay).logcumsumexp(0)).exp(), rtol=1e-9, atol=1e-12)


def test_mlstm_is_attention_with_decay():
    """The whole sequence as one masked product of scores and values, without stabilisers."""
    fields = {"depth": 1, "seq_len": 20}
    model, x = built("mlstm", "loop", fields), input_for(fields)
    q, k, v, o, i, f = model[0].parts(model[0].project(x))
    decay = f.cumsum(0)
    within = (decay[:, None] - decay[None] + i[None]).exp().permute(2, 3, 0, 1).tril()
    scores = torch.einsum("tbhd,sbhd->bhts", q, k) * within
    read = torch.einsum("bhts,sbhd->tbhd", scores, v)
    wanted = o * (read[..., :-1] / read[..., -1:].abs().clamp(min=1)).flatten(-2)
    torch.testing.assert_close(model(x), wanted, rtol=1e-9, atol=1e-12)


def test_slstm_without_its_stabiliser():
    """exp(i) and σ(f) as they are written give the same outputs where nothing overflows."""
    fields = {"depth": 1, "seq_len": 12, "hidden_size": 3}
    model, x = built("slstm", "fused", fields), input_for(fields)
    layer = model[0]
    h = c = n = torch.zeros(layer.heads, 2, layer.part, dtype=torch.float64)
    outputs = []
    for p in layer.project(x):
        i, f, z, o = (layer.apart(p) + h @ layer.u).chunk(4, -1)
        c, n = f.sigmoid() * c + i.exp() * z.tanh(), f.sigmoid() * n + i.exp()
        h = o.sigmoid() * c / n
        outputs.append(h.transpose(0, 1).flatten(1))
    torch.testing.assert_close(model(x), torch.stack(outputs), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["slstm", "mlstm", "rg_lru", "min_gru", "min_lstm", "sru", "qrnn"])
def test_large_inputs_stay_finite(name):
    """Gates driven to their ends give neither infinity nor NaN, forwards or backwards."""
    fields = {"depth": 1, "seq_len": 90}
    for found in outcome(built(name, "fused", fields, dtype=torch.float32), 1e3 * input_for(fields, torch.float32)):
        assert torch.isfinite(found).all()


def test_a_case_is_left_as_it_is():
    """Layers are built from cases of their own; formulas of a bidirectional case count both directions."""
    case = Case(suite="test", variant="lstm", depth=2, hidden_size=32, input_size=16, batch_size=4, seq_len=8)
    assert VARIANTS["lstm"].flops(case) == 917_504  # the figure that torch counts for a decomposed LSTM
