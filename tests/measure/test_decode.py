"""Decoding: step by step it is the forward pass, and what cannot be read step by step says so."""

import pytest
import torch
from torch import nn

import tests.toy  # noqa: F401 - registers the device
from rnnbench.budget import Budget
from rnnbench.errors import Unsupported
from rnnbench.measure.measuring import measure_case
from rnnbench.measure.workload import output_of
from rnnbench.variants import VARIANTS
from rnnbench.variants._decode import Cells, numbers, streaming
from tests.measure.parts import rounds, workload
from tests.tools import small_case
from tests.variants.parts import built, input_for

STEPWISE = ("elman", "elman_relu", "lstm", "gru", "drop_lstm", "min_gru", "min_lstm", "rg_lru", "sru", "qrnn", "slstm", "mlstm", "ln_lstm")
STEPWISE += ("ln_lstm_gates", "res_lstm", "res_ln_lstm", "highway_lstm", "student", "act_lstm", "forecasting")
STEPWISE += ("transformer", "window_attention", "linear_attention", "griffin", "lstm_attention", "block_sparse", "strided_attention")
STEPWISE += ("translation", "translation_attention", "speech")
EVERY = [(name, way) for name in STEPWISE for way in VARIANTS[name].implementations]


@pytest.mark.parametrize(("name", "way"), EVERY)
@pytest.mark.parametrize("batch_size", [1, 3])
def test_decoding_step_by_step_is_the_forward_pass(name, way, batch_size):
    """In double precision, the outputs of the steps are those of the whole sequence, and the state has the size that is stated."""
    fields = {"depth": 2, "hidden_size": 6, "input_size": 4, "seq_len": 7, "window": 3, "batch_size": batch_size}
    model, x = built(name, way, fields).eval(), input_for(fields)
    with torch.no_grad():
        whole = output_of(model(x))
        reader = streaming(model, name)
        state, steps = reader.begin(batch_size), []
        for one in x.unbind(0):
            y, state = reader.advance(one, state)
            steps.append(y)
    torch.testing.assert_close(torch.stack(steps), whole, rtol=1e-9, atol=1e-11)
    stated = VARIANTS[name].state_size(small_case(variant=name, **fields))
    assert sum(one.numel() for one in numbers(state)) == stated * batch_size


def test_a_fused_network_is_read_by_cells_on_its_own_weights():
    """Decoding an nn.LSTM runs torch's cell on the very weights of the module."""
    network = nn.LSTM(4, 6, 3)
    assert isinstance(streaming(network, "lstm"), Cells)
    with torch.no_grad():
        network.weight_hh_l2.zero_()
        network.weight_ih_l2.zero_()
        network.bias_hh_l2.zero_()
        network.bias_ih_l2.zero_()
        reader = streaming(network, "lstm")
        y, _ = reader.advance(torch.randn(1, 4), reader.begin(1))
    assert torch.equal(y, torch.zeros(1, 6))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"variant": "lstm", "bidirectional": True}, "lstm reads both ways"),
        ({"variant": "min_gru", "bidirectional": True}, "min_gru reads both ways"),
        ({"variant": "speech", "bidirectional": True}, "speech reads both ways"),
        ({"variant": "early_exit_lstm", "depth": 2}, "early_exit_lstm cannot decode: at which layer a sequence leaves"),
    ],
)
def test_what_cannot_decode_is_unsupported(fields, why):
    """The reason is told before the first step."""
    with pytest.raises(Unsupported, match=why), workload(phase="decode", **fields):
        pass


ON_TOY = ("lstm", "gru", "elman", "min_gru", "rg_lru", "res_lstm", "window_attention", "linear_attention", "griffin")
ON_TOY += ("block_sparse", "strided_attention", "translation_attention", "speech")


@pytest.mark.parametrize("name", ON_TOY)
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_decoding_runs_on_the_test_accelerator(name, precision):
    """Steps and states stay on the device, past the end of the stream too."""
    with workload(variant=name, phase="decode", precision=precision, device="toy", depth=2) as work:
        for _ in range(5):
            work.step()
        work.check()
        assert work.output.device.type == "toy"


@pytest.mark.parametrize("name", ["block_sparse", "strided_attention"])
def test_a_stream_reads_the_keys_that_the_pattern_sees(name):
    """Over many blocks, each step reads what its row of the dense mask shows, and no more."""
    fields = {"hidden_size": 2, "input_size": 2, "seq_len": 61, "window": 6, "batch_size": 1}
    model, x = built(name, "loop", fields).eval(), input_for(fields)
    with torch.no_grad():
        reader = streaming(model, name)
        state, steps = reader.begin(1), []
        for one in x.unbind(0):
            y, state = reader.advance(one, state)
            steps.append(y)
        torch.testing.assert_close(torch.stack(steps), model(x), rtol=1e-9, atol=1e-11)


def test_a_wrong_step_is_told(monkeypatch):
    """A step of another shape is refused with the variant's name and the shape wanted."""
    monkeypatch.setattr(Cells, "advance", lambda self, x, state: (x[0], state))
    with workload(phase="decode") as work:
        work.step()
        with pytest.raises(ValueError, match=r"variant 'lstm' returned shape \(8,\), wanted \(batch_size 2, features\)"):
            work.check()


@pytest.mark.parametrize(("count", "known"), [(50, []), (100, ["p95_s"]), (600, ["p95_s", "p99_s"])])
def test_the_tail_needs_samples(count, known):
    """A percentile is given where five rounds or more lie beyond it, else absent with how many are needed."""
    case = small_case(phase="decode")
    seen = measure_case(case, Budget(max_time_s=0.01, precision=0.5), rounds(count))
    assert [name for name in ("p95_s", "p99_s") if name in seen.metrics] == known
    assert all("rounds" in seen.absent[name] for name in ("p95_s", "p99_s") if name not in known)
    assert seen.metrics["state_bytes"] == 2 * 8 * 2 * 4
    assert seen.metrics["tokens_per_s"] == pytest.approx(case.batch_size / seen.metrics["step_time_s"])
