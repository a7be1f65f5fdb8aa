"""Citations fit what the code does: each variant's stated source, against the equations that it names."""

import pytest
import torch
from torch.nn.functional import layer_norm, relu

from rnnbench.measure.workload import output_of
from rnnbench.variants import VARIANTS
from tests.variants.parts import built, input_for

FIELDS = {"depth": 1, "hidden_size": 4, "input_size": 4, "batch_size": 2, "seq_len": 5}
ZERO = torch.zeros(2, 4, dtype=torch.float64)


def weights(name, **fields):
    """The variant's module and its weights by their last name, all of them random: also those that start at one or zero."""
    model = built(name, "loop", {**FIELDS, **fields})
    torch.manual_seed(4)
    with torch.no_grad():
        for one in model.parameters():
            one.copy_(torch.randn_like(one) / 2)
    return model, {key.rpartition(".")[2]: value for key, value in model.named_parameters()}


def lstm_cell(gates, c):
    """Output and cell after torch's gates i, f, g, o."""
    i, f, g, o = gates.chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def lstm(w, x):
    h = c = ZERO
    for one in x:
        h, c = lstm_cell(one @ w["weight_ih_l0"].T + h @ w["weight_hh_l0"].T + w["bias_ih_l0"] + w["bias_hh_l0"], c)
        yield h


def gru(w, x):
    """The reset gate after the product."""
    h = ZERO
    for one in x:
        here, there = one @ w["weight_ih_l0"].T + w["bias_ih_l0"], h @ w["weight_hh_l0"].T + w["bias_hh_l0"]
        (r, z, n), (r_h, z_h, n_h) = here.chunk(3, -1), there.chunk(3, -1)
        z, n = (z + z_h).sigmoid(), (n + (r + r_h).sigmoid() * n_h).tanh()
        h = (1 - z) * n + z * h
        yield h


def res_lstm(w, x):
    """GNMT's sum: x + LSTM(x)."""
    for one, h in zip(x, lstm(w, x), strict=True):
        yield one + h


def ln_lstm(w, x):
    """Norm on the hidden state alone."""
    h = c = ZERO
    for one in x:
        h, c = lstm_cell(one @ w["w_ih"].T + h @ w["w_hh"].T + w["bias"], c)
        h = layer_norm(h, (4,), w["weight"], w["bias_of_norm"])
        yield h


def ln_lstm_gates(w, x):
    """1607.06450's: each product normalised apart, and the cell before the output."""
    h = c = ZERO
    for one in x:
        gates = layer_norm(one @ w["w_ih"].T, (16,), w["norm_x.weight"], w["norm_x.bias"])
        i, f, g, o = (gates + layer_norm(h @ w["w_hh"].T, (16,), w["norm_h.weight"])).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * layer_norm(c, (4,), w["norm_c.weight"], w["norm_c.bias"]).tanh()
        yield h


def sru(w, x):
    """The highway without its factor."""
    c = ZERO
    for one in x:
        u, f, r = (one @ w["weight"].T).chunk(3, -1)
        f, r = (f + w["v"][0] * c + w["b"][0]).sigmoid(), (r + w["v"][1] * c + w["b"][1]).sigmoid()
        c = f * c + (1 - f) * u
        yield r * c + (1 - r) * one


def min_gru(w, x):
    """Positive candidates, from a state of 0."""
    h = ZERO
    for one in x:
        gate, candidate = (one @ w["weight"].T + w["bias"]).chunk(2, -1)
        z = gate.sigmoid()
        h = (1 - z) * h + z * torch.where(candidate >= 0, relu(candidate) + 0.5, candidate.sigmoid())
        yield h


SOURCES = {
    "lstm": (lstm, "forget gate"),
    "gru": (gru, "reset gate after the product"),
    "res_lstm": (res_lstm, "1609.08144, section 3.1: x + LSTM(x)"),
    "ln_lstm": (ln_lstm, "on h alone"),
    "ln_lstm_gates": (ln_lstm_gates, "1607.06450, equations 20-22"),
    "sru": (sru, "without the scaling factor of the highway"),
    "min_gru": (min_gru, "positive states, from a state of 0"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_network_is_that_of_its_source(name):
    """The stated source says in which respect the network is the paper's or differs; the output is that of those equations."""
    by_the_paper, words = SOURCES[name]
    assert words in VARIANTS[name].source
    model, w = weights(name)
    if name.startswith("ln_lstm"):
        w = {key.removeprefix("0."): value for key, value in model.named_parameters()}
        w |= {"weight": w.get("norm.weight"), "bias_of_norm": w.get("norm.bias")}
    x = input_for(FIELDS)
    found = model(x)
    torch.testing.assert_close(found if isinstance(found, torch.Tensor) else found[0], torch.stack(list(by_the_paper(w, x))))


def test_griffin_differs_from_its_paper_as_it_says():
    """LayerNorm, a plain MLP of four times the width, several heads with keys and values of their own, no convolution."""
    fields = {**FIELDS, "depth": 3, "hidden_size": 128, "input_size": 128}
    shapes = {key: tuple(value.shape) for key, value in built("griffin", "loop", fields).named_parameters()}
    for words in ("LayerNorm", "plain MLP × 4", "multi-head", "no convolution", "no positions"):
        assert words in VARIANTS["griffin"].source
    assert shapes["0.before_mlp.bias"] == (128,)  # RMSNorm has none
    assert (shapes["0.up.weight"], shapes["0.down.weight"]) == ((512, 128), (128, 512))  # gated ones have a third product
    assert shapes["1.mix.qkv.weight"] == (384, 128)  # multi-query: 128 + 2 × 64
    assert not any("conv" in key or "position" in key for key in shapes)


def test_early_exit_weighs_outputs():
    """In training the output is the mean of the layers' outputs by the chance to leave at each, as its source says."""
    assert "outputs weighted by learned probabilities" in VARIANTS["early_exit_lstm"].source
    fields = {**FIELDS, "depth": 3}
    model, x = built("early_exit_lstm", "loop", fields).train(), input_for(fields)
    left, wanted, h = torch.ones(2, 1, dtype=torch.float64), torch.zeros(()), x
    assert len(model.sure) == 2
    for layer, unit in zip(model.layers, [*model.sure, None], strict=True):
        h = output_of(layer(h))
        chance = left if unit is None else left * unit(h.mean(0)).sigmoid()
        wanted, left = wanted + chance * h, left - chance
    torch.testing.assert_close(model(x), wanted)
