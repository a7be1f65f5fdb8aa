"""Decoding: step by step it is the forward pass, and what cannot be read step by step says so."""

import pytest
import torch
from torch import nn

import tests.toy  # noqa: F401 - registers the device
from rnnbench.budget import Budget
from rnnbench.errors import Unsupported
from rnnbench.measure.measuring import measure_case
from rnnbench.measure.stream import POSITIONS, Stream
from rnnbench.measure.workload import output_of
from rnnbench.variants import VARIANTS, variant
from rnnbench.variants._decode import Cells, numbers, places, streaming
from rnnbench.variants._memory import Cache
from tests.measure.parts import rounds, workload
from tests.tools import small_case
from tests.variants.parts import built, input_for

STEPWISE = ("elman", "elman_relu", "lstm", "gru", "drop_lstm", "min_gru", "min_lstm", "rg_lru", "sru", "qrnn", "slstm", "mlstm", "ln_lstm")
STEPWISE += ("ln_lstm_gates", "res_lstm", "res_ln_lstm", "highway_lstm", "student", "act_lstm", "forecasting")
STEPWISE += ("transformer", "window_attention", "linear_attention", "griffin", "lstm_attention", "block_sparse", "strided_attention")
STEPWISE += ("translation", "translation_attention", "speech")
EVERY = [(name, way) for name in STEPWISE for way in VARIANTS[name].implementations if way != "triton"]  # kernels: tests/kernels


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
        ({"variant": "lstm", "bidirectional": True}, "lstm is bidirectional"),
        ({"variant": "min_gru", "bidirectional": True}, "min_gru is bidirectional"),
        ({"variant": "speech", "bidirectional": True}, "speech is bidirectional"),
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


GROWING = ("transformer", "block_sparse", "strided_attention", "lstm_attention")


@pytest.mark.parametrize("name", [*GROWING, "window_attention", "translation_attention", "linear_attention", "lstm"])
def test_each_position_is_timed_with_what_is_kept_there(name):
    """At 10, 50 and 100 % of a stream the state of a timed step holds what that much of the stream leaves, and no more."""
    fields = {"variant": name, "seq_len": 40, "window": 8, "hidden_size": 8, "input_size": 8}
    with workload(phase="decode", **fields) as work:
        held = {}
        for share in POSITIONS.values():
            work.stream.move(share)
            for _ in range(3):
                work.step()
            held[share] = work.stream.state_bytes()
        stated = VARIANTS[name].state_size(small_case(**fields)) * work.case.batch_size * 4
    assert held[1.0] == stated
    if name in GROWING:
        assert held[0.1] < held[0.5] < held[1.0]


def test_a_step_at_a_position_is_the_streams_own_step():
    """Moving back to the last position and reading its input again gives what reading the stream up to there gave."""
    torch.manual_seed(0)
    model, x = VARIANTS["transformer"].module(small_case(variant="transformer", depth=2)).eval(), torch.randn(6, 2, 8)
    with torch.no_grad():
        reader = streaming(model, "transformer")
        state = reader.begin(2)
        for one in x:
            y, state = reader.advance(one, state)
        for one in places(state):
            one.move(5)
        torch.testing.assert_close(reader.advance(x[5], state)[0], y)


def test_arrays_are_made_once():
    """A cache that was told how long its stream is does not move: its last step is written where its first was."""
    cache = Cache()
    cache.reserve(50)
    first, _ = cache.append(*(torch.zeros(1, 1, 1, 2) for _ in range(2)))
    for step in range(1, 50):
        last, _ = cache.append(*(torch.full((1, 1, 1, 2), float(step)) for _ in range(2)))
    assert first.data_ptr() == last.data_ptr()
    assert last[0, 0, :, 0].tolist() == list(range(50))


def test_a_cache_that_nobody_told_grows():
    """Whatever was kept before it grew is kept after it."""
    cache = Cache()
    for step in range(100):
        (kept,) = cache.append(torch.full((1, 1, 1, 1), float(step)))
    assert kept.flatten().tolist() == list(range(100))


def test_decoding_times_three_positions():
    """A record has the median step at 10, 50 and 100 % of the stream; its rounds are those at 50 %."""
    seen = measure_case(small_case(variant="transformer", phase="decode", seq_len=30), Budget(max_time_s=0.02, precision=0.5), rounds(7))
    assert {"step_time_at_10_s", "step_time_at_50_s", "step_time_at_100_s"} <= set(seen.metrics)
    assert seen.metrics["step_time_at_50_s"] == seen.metrics["step_time_s"]


class Growing(nn.Module):
    """A user's own stream, whose state is every input so far; counts its steps."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.steps, self.longest = nn.Parameter(torch.ones(())), 0, 0

    def forward(self, x):
        return x.cumsum(0) * self.weight

    def begin(self, batch_size):
        return torch.zeros(0, batch_size, 8)

    def advance(self, x, state):
        state = torch.cat((state, x[None]))
        self.steps, self.longest = self.steps + 1, max(self.longest, len(state))
        return state.sum(0) * self.weight, state


def grown(monkeypatch, budget: float, seq_len: int):
    """Measures `Growing`; the model and what was seen."""
    monkeypatch.setattr(VARIANTS, "_found", dict(VARIANTS.all()))
    models = []

    def build(case):
        models.append(Growing())
        return models[-1]

    variant(source="this test", name="growing")(build)
    seen = measure_case(small_case(variant="growing", phase="decode", seq_len=seq_len), Budget(max_time_s=budget, precision=0.5), rounds(5))
    return models[0], seen


def test_a_stream_that_grows_in_its_own_way_is_read_once(monkeypatch):
    """It is read up to its last step once; what comes after is at the positions, and nothing is read to the end again."""
    model, seen = grown(monkeypatch, 5.0, 200)
    assert model.longest == 200
    assert model.steps < 200 + 600
    assert seen.metrics["state_bytes"] == 200 * 2 * 8 * 4


def test_reading_a_stream_ends_with_the_budget(monkeypatch):
    """Where the budget ends first, the positions beyond are absent with what to raise, and a note says where the rounds were."""
    model, seen = grown(monkeypatch, 1e-4, 100_000)
    assert model.longest < 100_000
    assert "raise --case-budget" in seen.absent["step_time_at_100_s"]
    assert "raise --case-budget" in seen.absent["state_bytes"]
    assert any(note.startswith("timed at step ") for note in seen.notes)


def test_a_long_stream_is_not_read_to_its_end(monkeypatch):
    """Weighing a transformer's state after 16,384 steps takes a handful of steps."""
    taken = []
    real = Stream.step
    monkeypatch.setattr(Stream, "step", lambda self: (taken.append(1), real(self))[1])
    seen = measure_case(
        small_case(variant="transformer", phase="decode", seq_len=16_384), Budget(max_time_s=0.02, precision=0.5), rounds(5)
    )
    assert len(taken) < 400
    assert seen.metrics["state_bytes"] == 16_384 * 2 * 8 * 2 * 4
