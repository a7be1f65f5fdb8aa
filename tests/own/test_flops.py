"""FLOPs of any model: the fused recurrent layers by formula, the rest by torch's counter, and no number where either fails."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.flop_counter import FlopCounterMode

from rnnbench.measure.own import flops
from rnnbench.measure.own.flops import layer_flops
from rnnbench.measure.probes.input_gradient import lstm_is_onednn


def forward_flops(model, forward):
    """Of the forward pass alone."""
    return flops.forward_flops(model, forward)[0]


LAYERS = {
    "lstm": lambda device: nn.LSTM(16, 32, 2, device=device),
    "bidirectional": lambda device: nn.LSTM(16, 32, 2, bidirectional=True, device=device),
    "projected": lambda device: nn.LSTM(16, 32, 2, proj_size=8, device=device),
    "gru": lambda device: nn.GRU(16, 32, 3, device=device),
    "elman": lambda device: nn.RNN(16, 32, device=device),
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_formulas_are_what_the_decomposed_layer_counts(make):
    """On meta tensors torch runs every layer product by product, and counts them."""
    with FlopCounterMode(display=False) as counter:
        make("meta")(torch.empty(8, 4, 16, device="meta"))
    assert layer_flops(make("cpu"), 8 * 4) == counter.get_total_flops() > 0


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")  # torch's, once a process
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_a_layer_is_counted_once_whether_fused_or_not(make):
    """A CPU fuses some and runs others product by product: neither is left out, neither counts twice."""
    model = make("cpu")
    assert forward_flops(model, lambda: model(torch.ones(8, 4, 16))) == layer_flops(model, 32)


def test_packed_steps_alone_count():
    """Padding that was packed away is not computed."""
    model = nn.LSTM(16, 32)
    packed = pack_padded_sequence(torch.ones(8, 2, 16), torch.tensor([8, 3]))
    assert forward_flops(model, lambda: model(packed)) == layer_flops(model, 11)


def test_what_stands_around_the_layer_is_counted():
    """A linear layer on top adds its products."""
    model = nn.Sequential(nn.GRU(16, 32), First(), nn.Linear(32, 5))
    assert forward_flops(model, lambda: model(torch.ones(8, 4, 16))) == layer_flops(model[0], 32) + 2 * 32 * 32 * 5


def test_attention_is_counted_product_by_product():
    """A fused attention kernel, which torch's counter does not see on a CPU, is the same products."""
    model = nn.MultiheadAttention(16, 2, batch_first=True)
    x = torch.ones(3, 7, 16)
    projections, scores = 2 * 3 * 7 * 16 * 16 * 4, 2 * 2 * 3 * 7 * 7 * 16
    assert forward_flops(model, lambda: model(x, x, x, need_weights=False)) == projections + scores


def test_a_fused_lstm_computes_the_gradient_of_its_input_all_the_same():
    """oneDNN's LSTM omits nothing of its backward pass; a frozen one without a gradient to pass on has none."""
    first = nn.LSTM(16, 32, 2)
    forward = lambda: first(torch.ones(3, 2, 16))  # noqa: E731
    assert flops.forward_flops(first, forward)[1] == (0 if lstm_is_onednn() else 2 * 6 * 4 * 32 * 16)
    first.requires_grad_(False)
    assert flops.forward_flops(first, forward)[1] == 2 * layer_flops(first, 6)


@pytest.mark.parametrize("frozen", [(), (0,), (1,), (2,), (0, 1)])
@pytest.mark.parametrize("embedded", [False, True])
def test_what_a_backward_pass_omits_is_what_torch_does_not_run(frozen, embedded):
    """Of a linear layer, a GRU and a read-out, some of them frozen, behind an embedding or not: as torch's counter sees the pass, but for
    the gradient of the state before the first step, which counts like any other."""
    parts = [nn.Linear(16, 12), GRU(), nn.Linear(8, 5)]
    for place in frozen:
        parts[place].requires_grad_(False)
    model = nn.Sequential(*([nn.Embedding(7, 16)] if embedded else []), *parts)
    x = torch.ones(3, 2, dtype=torch.long) if embedded else torch.ones(3, 2, 16)
    passed, omitted = flops.forward_flops(model, lambda: model(x))
    out = model(x)
    with FlopCounterMode(display=False) as counter:
        out.sum().backward()
    runs = embedded or not {0, 1} <= set(frozen)
    first_state = 2 * 2 * 3 * 8 * 8 if runs else 0
    assert counter.get_total_flops() == 2 * passed - omitted - first_state


class GRU(nn.GRU):
    """Returns its outputs alone, as a part of nn.Sequential must."""

    def __init__(self):
        super().__init__(12, 8)

    def forward(self, x):
        return super().forward(x)[0]


def test_a_model_without_products_has_no_number():
    """Absent, and never 0."""
    with pytest.raises(LookupError, match="no matrix product"):
        forward_flops(nn.ReLU(), lambda: nn.ReLU()(torch.ones(3)))


def test_an_operator_that_is_not_known_is_named():
    """A product that nobody counts leaves no number that is too small."""

    @torch.library.custom_op("rnnbench_test::product", mutates_args=())
    def product(x: torch.Tensor) -> torch.Tensor:
        return x @ x

    with pytest.raises(LookupError, match="rnnbench_test::product"):
        forward_flops(nn.Identity(), lambda: product(torch.ones(3, 3)))


def test_hooks_are_taken_off_again():
    """The model is as it was."""
    model = nn.LSTM(4, 4)
    forward_flops(model, lambda: model(torch.ones(2, 1, 4)))
    assert not model._forward_hooks
    assert not model._forward_pre_hooks


class First(nn.Module):
    """Of a tuple."""

    def forward(self, pair):
        return pair[0]
