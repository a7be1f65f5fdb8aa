"""Formulas of FLOPs against torch's own counter of operators, on meta tensors: no arithmetic is done."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from rnnbench.measure.probes import memory
from rnnbench.measure.probes.costs import _HELD, moved_bytes, step_flops
from rnnbench.measure.probes.input_gradient import lstm_is_onednn, spared
from rnnbench.measure.workload import output_of
from rnnbench.variants import VARIANTS
from rnnbench.variants._adaptive import adaptive_of, run_depth
from tests.measure.parts import workload
from tests.tools import small_case

SIZES = {"hidden_size": 32, "input_size": 16, "depth": 2, "batch_size": 4, "seq_len": 8}
MASKED = ("attention", "transformer", "block_sparse", "griffin")  # the counter counts pairs that a mask leaves out; see their own tests
OTHERS = ("act_lstm", "early_exit_lstm", "translation")  # it depends on what they read, see below; or one way only
NAMES = [name for name in VARIANTS.all() if name not in OTHERS and not any(word in name for word in MASKED)]


def counted(case, *, backward: bool = False, of_input: bool = True) -> int:
    """FLOPs that the counter sees on meta tensors, where fused kernels are decomposed; backward with or without the input's gradient."""
    with torch.device("meta"):
        model = VARIANTS[case.variant].module(case)
    x = torch.empty(case.seq_len, case.batch_size, case.input_size, device="meta", requires_grad=backward and of_input)
    output = output_of(model(x)) if backward else None
    with FlopCounterMode(display=False) as counter:
        if backward:
            output.sum().backward()
        else:
            with torch.no_grad():
                model(x)
    return counter.get_total_flops()


def simplest(name: str) -> str:
    """The implementation that writes every product out."""
    ways = VARIANTS[name].implementations
    return "loop" if "loop" in ways else ways[0]


def test_the_known_figure_of_an_lstm():
    """LSTM(16 → 32, 2 layers), batch 4, 8 steps: 917,504 FLOPs, by the formula and by the counter."""
    case = small_case(variant="lstm", phase="forward", **SIZES)
    assert step_flops(case) == counted(case) == 917_504


@pytest.mark.parametrize("ways", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_the_formula_is_what_the_counter_counts(name, ways):
    """The formula of every recurrent variant equals the counter's products of its plainest implementation, in one direction and two."""
    case = small_case(variant=name, phase="forward", implementation=simplest(name), bidirectional=ways == 2, **SIZES)
    assert step_flops(case) == counted(case)


@pytest.mark.parametrize("name", [name for name in VARIANTS.all() if VARIANTS[name].parameters])
def test_weights_are_those_of_the_module(name):
    """The formula of weights equals what the module holds."""
    case = small_case(variant=name, implementation=simplest(name), **SIZES)
    with torch.device("cpu" if name.startswith("their_") else "meta"):  # theirs may compute while they are made
        model = VARIANTS[name].module(case)
    assert VARIANTS[name].parameters(case) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", ["griffin", "lstm_attention"])
def test_the_products_of_mixed_networks(name):
    """With windows as long as the sequence, the formula is the counter's, less the pairs that a mask leaves out."""
    case = small_case(variant=name, phase="forward", implementation="loop", window=SIZES["seq_len"], **SIZES)
    steps, hidden = case.seq_len, case.hidden_size
    blocks = 1  # of two: the second block of griffin attends, and the read-out is one
    hidden_pairs = steps * (steps - 1) // 2
    assert step_flops(case) == counted(case) - 2 * case.batch_size * blocks * 2 * hidden_pairs * hidden


@pytest.mark.parametrize("ways", [1, 2])
@pytest.mark.parametrize("name", ["act_lstm", "early_exit_lstm"])
@pytest.mark.parametrize("halt_at", [0.3, 0.9])
def test_adaptive_depth_is_counted_as_it_ran(name, halt_at, ways):
    """The formula at the depth that was run is what the counter counts of that very pass: in training all layers, in inference fewer.

    A sequence that leaves early was asked once more than the formula's straight line has it: a vector's product at most for each.
    """
    case = small_case(
        variant=name, phase="forward", implementation="loop", halt_at=halt_at, bidirectional=ways == 2, **{**SIZES, "depth": 4}
    )
    torch.manual_seed(0)
    model, x = VARIANTS[name].module(case), torch.randn(case.seq_len, case.batch_size, case.input_size)
    for training in (True, False):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model.train(training)(x)
        asked = 0 if training or name == "act_lstm" else 2 * case.batch_size * case.hidden_size * ways
        assert 0 <= counter.get_total_flops() - step_flops(case, run_depth(adaptive_of(model))) <= asked
    assert step_flops(case) >= counter.get_total_flops()


GATES = {"elman": 1, "gru": 3, "lstm": 4}


@pytest.mark.parametrize("name", GATES)
def test_backward_counts_twice_but_for_what_nobody_asks_for(name):
    """Twice the forward pass is what backward does, but for the gradients of the initial state and of the input, as the counter has it;
    oneDNN's LSTM alone computes that of the input all the same."""
    case = small_case(variant=name, phase="backward", **SIZES)
    first_state = case.depth * 2 * case.batch_size * GATES[name] * case.hidden_size**2
    unasked = name == "lstm" and lstm_is_onednn()
    assert step_flops(case) == counted(case, backward=True, of_input=unasked) + first_state


@pytest.mark.parametrize("ways", [1, 2])
@pytest.mark.parametrize("name", ["min_gru", "min_lstm", "sru", "qrnn", "mlstm", "rg_lru", "res_lstm", "highway_lstm", "gru", "slstm"])
def test_a_backward_pass_without_the_gradient_of_the_input(name, ways):
    """What is taken off twice the forward pass is what torch's counter no longer sees once the input asks for no gradient."""
    case = small_case(variant=name, phase="backward", implementation=simplest(name), bidirectional=ways == 2, **SIZES)
    asked, unasked = (counted(case, backward=True, of_input=wanted) for wanted in (True, False))
    assert spared(case) == asked - unasked > 0


@pytest.mark.parametrize(
    ("name", "passes"), [("min_gru", 2), ("min_lstm", 2), ("sru", 2), ("qrnn", 2), ("gru", 2.5), ("lstm", 3 if lstm_is_onednn() else 2.5)]
)
def test_a_train_step_of_one_layer(name, passes):
    """At depth 1 and equal sizes a network whose products are all with the input trains in two passes' worth of FLOPs, not three."""
    sizes = {**SIZES, "depth": 1, "input_size": SIZES["hidden_size"]}
    forward, train = (step_flops(small_case(variant=name, phase=phase, **sizes)) for phase in ("forward", "train"))
    assert train == passes * forward


def test_onednn_computes_the_gradient_of_an_input_that_asks_for_none():
    """By what torch dispatches: the LSTM's backward kernel gives a gradient of the input, full of numbers, which autograd then drops."""
    if not lstm_is_onednn():
        pytest.skip("torch hands no LSTM to oneDNN here")
    network, x, given = torch.nn.LSTM(4, 5), torch.randn(3, 2, 4), []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            given.extend([out[0]] if "mkldnn_rnn_layer_backward" in str(func) else [])
            return out

    with Watch():
        network(x)[0].sum().backward()
    assert x.grad is None
    assert [tuple(one.shape) for one in given] == [(3, 2, 4)]
    assert bool(given[0].abs().sum() > 0)


def test_a_train_step_moves_more_than_its_parts():
    """Training moves what forward and backward move, the activations once more, and the optimizer's state."""
    held = {"parameters": 10, "gradients": 10, "activations": 100, "optimizer": 20, "inputs": 5, "outputs": 7}
    forward, backward, train = (moved_bytes(phase, **held) for phase in ("forward", "backward", "train"))
    assert train == forward + 100 + backward + 3 * 10 + 2 * 20


def test_an_input_that_autograd_keeps_is_moved_once_in_a_pass():
    """What autograd keeps of the input and the output themselves is written by no one a second time."""
    held = {"parameters": 10, "gradients": 10, "activations": 100, "optimizer": 20, "inputs": 5, "outputs": 7}
    assert moved_bytes("train", **held, shared=12) == moved_bytes("train", **held) - 12
    assert moved_bytes("backward", **held, shared=12) == moved_bytes("backward", **held)


def test_a_recorded_step_knows_that_its_input_was_kept():
    """A GRU's input is kept by autograd: its bytes are in the activations and in the forward pass's reading, not in its writing too."""
    with workload(variant="min_gru", hidden_size=16, input_size=24, seq_len=5, batch_size=3) as work:
        work.step()
        metrics, absent = {}, {}
        work.weigh(metrics, absent)
        kept = memory.kept_storages(work.forward, work.model)
        x, y = work.x.nbytes, work.output.nbytes
        shared = memory.bytes_among(kept, (work.x, work.output))
        held = {name: metrics[f"{kind}_bytes"] for name, kind in _HELD.items()}
        assert shared >= x
        assert metrics["moved_bytes"] == moved_bytes("train", inputs=x, outputs=y, **held) - shared
