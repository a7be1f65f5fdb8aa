"""What a profile says of a model: each sentence for a model that has the fault, none for one that has not."""

import pytest
import torch
from torch import nn

from rnnbench.case import OWN_BLANK, Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import FORMATS
from rnnbench.measure.own.factory import own_of
from rnnbench.measure.own.model import register
from rnnbench.measure.own.work import OwnWork
from rnnbench.measure.probes.input_gradient import lstm_is_onednn
from rnnbench.measure.profiling.causes import causes
from tests.measure.profiling import faulty

FUSES = pytest.mark.skipif(not lstm_is_onednn(), reason="torch has no fused LSTM on this CPU")


def told(model, batch=None, metrics=None, **axes):
    """The sentences on a model with a squared loss."""
    make = lambda: (model, batch or (torch.ones(6, 5, 16),), lambda out, *_: out.square().mean())  # noqa: E731
    register(own_of("mine:make", make))
    blank = {**dict.fromkeys(OWN_BLANK), "suite": "own_model", "variant": "mine:make", "phase": "train", "precision": "fp32", **axes}
    case, device = Case(**blank), Device("cpu")
    work = OwnWork(case, device, FORMATS[case.precision], Clock(device))
    work.step()
    return causes(work, metrics or {})


@FUSES
@pytest.mark.parametrize("phase", ["forward", "train"])
def test_a_sound_model_has_no_cause(phase):
    """A fused time-major LSTM whose every parameter has a gradient."""
    assert told(faulty.Net(nn.LSTM(16, 32, 2, dropout=0.1)), phase=phase) == []


@FUSES
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.LSTM(16, 32, 2, proj_size=8), "rnn (LSTM) left the fused kernel because of proj_size=8: its forward pass is"),
        (nn.LSTM(16, 32, 2, proj_size=8, dropout=0.1, batch_first=True), "because of proj_size=8: its forward pass is"),
        (nn.GRU(16, 32), "rnn (GRU) has no fused kernel on cpu: its forward pass is"),
        (nn.RNN(16, 32), "a plain RNN is a loop here too"),
        (nn.LSTM(16, 32, batch_first=True), "rnn (LSTM) copies its input of 1,920 bytes in every pass: batch_first=True"),
    ],
)
def test_a_layer_that_is_slower_than_it_need_be_is_named(layer, said):
    """With the one property that is to blame, not with others that it also has."""
    (sentence,) = told(faulty.Net(layer))
    assert said in sentence


@FUSES
def test_packing_costs_the_fused_kernel():
    """It is seen although the model packs inside; counts of sequences lie on the host and wait for nothing."""
    (sentence,) = told(faulty.Packs(), (torch.ones(6, 3, 16), torch.tensor([6, 4, 1]), torch.zeros(1)))
    assert "lstm (LSTM) left the fused kernel because of packed input" in sentence


@FUSES
def test_a_format_without_a_kernel_is_the_cause():
    """float64 runs as a loop."""
    (sentence,) = told(faulty.Net(nn.LSTM(16, 32).double(), 32, torch.float64), (torch.ones(6, 5, 16, dtype=torch.float64),))
    assert "because of float64 input" in sentence


@pytest.mark.parametrize(
    ("ask", "operator"),
    [
        (lambda y: y * 2 if y.sum().item() > 1e9 else y, "_local_scalar_dense"),
        (lambda y: y * 2 if y.sum() > 1e9 else y, "_local_scalar_dense"),
        (lambda y: y[y[..., 0] > -2], "index"),
        (lambda y: y[y.sum((1, 2)).nonzero()[:, 0]], "nonzero"),
    ],
)
def test_a_value_that_the_host_asks_for_is_told_with_its_line(ask, operator):
    """File, line and operator; the user's line, not torch's."""
    (sentence,) = told(faulty.Net(nn.Linear(16, 32), ask=ask))
    assert sentence.startswith(f"test_causes.py:{ask.__code__.co_firstlineno} asks for a value on the host")
    assert f"(aten::{operator})" in sentence


def test_indices_of_the_host_wait_for_nothing():
    """Neither integers nor tensors of the host's own."""
    assert told(faulty.Net(nn.Linear(16, 32), ask=lambda y: y[torch.tensor([0, 2])] * torch.ones(3).sum().item())) == []


def test_parameters_without_a_gradient_are_named():
    """Those that the loss does not depend on; frozen ones are meant to have none."""
    net = faulty.Net(nn.Linear(16, 32))
    net.spare, net.frozen = nn.Linear(3, 3), nn.Linear(3, 3).requires_grad_(False)
    (sentence,) = told(net)
    assert sentence == "2 of 8 parameters got no gradient, so this loss does not depend on them: spare.weight, spare.bias."


def test_padding_is_told():
    """From its measured share; a little is none."""
    net = faulty.Net(nn.Linear(16, 32))
    assert told(net, metrics={"padding_share": 0.3})[0].startswith("30% of the positions are padding")
    assert told(net, metrics={"padding_share": 0.03}) == []
