"""FLOPs of any model: the fused recurrent layers by formula, the rest by torch's counter, and no number where either fails."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.flop_counter import FlopCounterMode

from rnnbench.measure.own import flops
from rnnbench.measure.own.flops import layer_flops


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


def test_nobody_asks_for_the_inputs_gradient():
    """A first layer's backward pass is spared one product; a later layer's is not, nor is that of a layer behind an embedding."""
    two = nn.Sequential(nn.Linear(16, 32), nn.Linear(32, 5))
    assert flops.forward_flops(two, lambda: two(torch.ones(3, 16)))[1] == 2 * 3 * 16 * 32
    behind = nn.Sequential(nn.Embedding(7, 16), nn.LSTM(16, 32))
    assert flops.forward_flops(behind, lambda: behind(torch.ones(3, 2, dtype=torch.long)))[1] == 0
    first = nn.LSTM(16, 32, 2)
    assert flops.forward_flops(first, lambda: first(torch.ones(3, 2, 16)))[1] == 2 * 6 * 4 * 32 * 16


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
