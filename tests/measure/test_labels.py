"""A label is a claim: what user code sets, numbers that go bad late, steps that were skipped, weights that are hidden."""

import warnings

import pytest
import torch
from torch import nn

from rnnbench.budget import Budget
from rnnbench.device import torch_state
from rnnbench.device.precision import FORMATS
from rnnbench.device.torch_state import TorchState
from rnnbench.errors import Diverged, Unsupported
from rnnbench.measure import rounds as timed_rounds
from rnnbench.measure.footprint import weights_on_meta
from rnnbench.measure.measuring import measure_case
from rnnbench.measure.outcome import record_of
from rnnbench.measure.probes.weights import weights_of
from rnnbench.record import METRICS
from rnnbench.variants import VARIANTS, variant
from tests.measure.parts import rounds, workload
from tests.tools import small_case

BUDGET = Budget(max_time_s=0.05, precision=0.5, min_rounds=2)
TRUE_ZEROS = {"skipped_steps", "allocator_retries", "other_load_cores", "steal_share", "throttled_share"}
"""Counts and shares whose zero is an observation: nothing was skipped, retried, stolen."""


@pytest.fixture
def registered(monkeypatch):
    """Registers a variant `odd` by a function of the case; torch's settings are as before afterwards."""
    before = TorchState()
    monkeypatch.setattr(torch_state, "_base", None)
    monkeypatch.setattr(VARIANTS, "_found", dict(VARIANTS.all()))

    def register(build) -> str:
        variant(source="this test", name="odd")(build)
        return "odd"

    yield register
    before.restore()


class Later(nn.Module):
    """A linear layer that goes bad after so many forward passes, in a way of the test's."""

    def __init__(self, case, good: int, spoil) -> None:
        super().__init__()
        self.layer, self.good, self.spoil, self.passes = nn.Linear(case.input_size, case.hidden_size), good, spoil, 0

    def forward(self, x):
        self.passes += 1
        y = self.layer(x)
        return self.spoil(y) if self.passes > self.good else y


def test_a_builder_cannot_change_the_settings_of_its_case(registered):
    """A builder that sets two threads and disables oneDNN: the case runs with neither, and says what was set."""

    def build(case):
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.backends.mkldnn.enabled = False
        return nn.Linear(case.input_size, case.hidden_size)

    threads, seen = torch.get_num_threads(), measure_case(small_case(variant=registered(build)), BUDGET, rounds(3))
    assert torch.get_num_threads() == threads
    assert sum("the builder of 'odd' set torch's threads" in note for note in seen.notes) == 1
    assert any("torch.backends.mkldnn.enabled: True → False; put back" in note for note in seen.notes)


def test_steps_that_change_a_setting_are_named(registered):
    """What a forward pass sets while it is timed is told, and ends with the case."""

    def spoil(y):
        torch.backends.cudnn.benchmark = True
        return y

    name = registered(lambda case: Later(case, 3, spoil))
    seen = measure_case(small_case(variant=name), BUDGET, rounds(3))
    assert "its steps changed torch.backends.cudnn.benchmark: False → True" in seen.notes
    assert not torch.backends.cudnn.benchmark


def test_weights_in_another_format_are_told(registered):
    """An `fp32` id over double weights is not left to speak for itself."""
    seen = measure_case(small_case(variant=registered(lambda case: Doubled(case)), phase="forward"), BUDGET, rounds(3))
    assert "the weights are float64, but fp32 means float32 weights" in seen.notes


class Doubled(nn.Module):
    def __init__(self, case) -> None:
        super().__init__()
        self.layer = nn.Linear(case.input_size, case.hidden_size, dtype=torch.float64)

    def forward(self, x):
        return self.layer(x.double())


SPOILED = [
    ("forward", lambda y: y * float("nan"), "the output of 'odd'"),
    ("train", lambda y: y * float("inf"), "the output of 'odd'"),
    ("backward", lambda y: y.clone().fill_(1e30) * (y * 0 + 1), "the loss of 'odd' is inf"),
    ("backward", lambda y: y + (y * 0).abs().sqrt(), "the gradient of 'odd', at layer.weight"),
]


@pytest.mark.parametrize(("phase", "spoil", "told"), SPOILED)
def test_numbers_that_go_bad_after_the_warm_up_have_diverged(registered, phase, spoil, told):
    """Outputs, a loss or gradients that are good for eight passes and then not end the case as diverged, with which it was."""
    name = registered(lambda case: Later(case, 8, spoil))
    with pytest.raises(Diverged, match=told) as caught:
        measure_case(small_case(variant=name, phase=phase), BUDGET, rounds(20))
    assert record_of(small_case(), 0, None, caught.value, "", 1).status == "diverged"


def test_numbers_are_looked_at_during_the_rounds(registered, monkeypatch):
    """Long before the last round: after the step that spoils them, at the next look."""
    monkeypatch.setattr(timed_rounds, "LOOK_S", 0.0)
    models = []

    def build(case):
        models.append(Later(case, 8, lambda y: y * float("nan")))
        return models[-1]

    with pytest.raises(Diverged, match="the output of 'odd'"):
        measure_case(small_case(variant=registered(build), phase="forward"), BUDGET, rounds(100_000))
    assert models[0].passes < 20


def test_one_bad_batch_of_those_that_take_turns_is_found(registered):
    """The last round may have been of a good one: every batch is looked at once more."""

    def build(case):
        bad = torch.Generator().manual_seed(case.seed)
        second = [torch.randn(case.seq_len, case.batch_size, case.input_size, generator=bad) for _ in range(2)][1]
        return Refuses(second)

    for count in range(3, 7):
        with pytest.raises(Diverged, match="the output of 'odd'"):
            measure_case(small_case(variant=registered(build), phase="forward"), BUDGET, rounds(count))
        VARIANTS._found.pop("odd")


class Refuses(nn.Module):
    """NaN for one batch, but not in the first five passes."""

    def __init__(self, batch) -> None:
        super().__init__()
        self.weight, self.batch, self.passes = nn.Parameter(torch.ones(())), batch, 0

    def forward(self, x):
        self.passes += 1
        return x * (float("nan") if self.passes > 5 and torch.equal(x, self.batch) else 1.0) * self.weight


def overflowing(good: int):
    """Builds a layer whose gradients are infinite after so many passes, while its outputs are fine."""
    return lambda case: Later(case, good, lambda y: y + (y * 0).abs().sqrt())


def test_a_case_whose_every_step_was_skipped_has_diverged(registered):
    """fp16 gradients that are never finite: the optimizer did nothing, and the case says so instead of a time."""
    with pytest.raises(Diverged, match=r"the loss scaler skipped every one of \d+ steps, down to a scale of"):
        measure_case(small_case(variant=registered(overflowing(0)), device="cpu", precision="fp16"), BUDGET, rounds(5))


def test_skipped_steps_are_counted_and_told(registered):
    """Steps skipped and steps taken are told apart by the optimizer's own count; the note gives both."""
    seen = measure_case(small_case(variant=registered(overflowing(10)), precision="fp16"), BUDGET, rounds(20))
    (told,) = [note for note in seen.notes if "the loss scaler skipped" in note]
    assert seen.metrics["skipped_steps"] > 0
    assert told.startswith(f"the loss scaler skipped {seen.metrics['skipped_steps'] - 0:.0f} of ") or "warm-up included" in told


def test_a_case_without_a_loss_scale_says_so():
    """fp32 training has no skipped steps to count."""
    seen = measure_case(small_case(), BUDGET, rounds(3))
    assert seen.absent["skipped_steps"] == "fp32 needs no loss scale"


def quantized(case):
    """An LSTM and a linear layer, packed by torch's dynamic quantization."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = Whole(case)
        return torch.ao.quantization.quantize_dynamic(whole, {nn.LSTM, nn.Linear}, dtype=torch.qint8)


class Whole(nn.Module):
    def __init__(self, case) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(case.input_size, case.hidden_size), nn.Linear(case.hidden_size, case.hidden_size)

    def forward(self, x):
        return self.out(self.lstm(x)[0])


class Buffered(nn.Module):
    def __init__(self, case) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(case.input_size))

    def forward(self, x):
        return x * self.weight


def frozen(case):
    """A frozen layer below a trainable one."""
    model = nn.Sequential(nn.Linear(case.input_size, case.hidden_size), nn.Linear(case.hidden_size, case.hidden_size))
    model[0].requires_grad_(False)
    return model


ODD = {
    "no parameters": (lambda case: nn.Identity(), "forward"),
    "buffers only": (lambda case: Buffered(case), "forward"),
    "quantized": (quantized, "forward"),
    "frozen": (frozen, "train"),
    "frozen backward": (frozen, "backward"),
    "wholly frozen": (lambda case: frozen(case).requires_grad_(False), "forward"),
    "lazy": (lambda case: nn.LazyLinear(case.hidden_size), "train"),
    "lazy forward": (lambda case: nn.LazyLinear(case.hidden_size), "forward"),
}


@pytest.mark.parametrize("kind", ODD)
def test_no_metric_of_an_odd_module_is_zero(kind, registered):
    """Whatever cannot be had of a module is absent with a reason; every figure that is there is one."""
    build, phase = ODD[kind]
    seen = measure_case(small_case(variant=registered(build), phase=phase), BUDGET, rounds(3))
    assert {name for name, value in seen.metrics.items() if not value and name not in TRUE_ZEROS} <= {"output_distance"}
    assert set(seen.metrics) <= set(METRICS)
    assert all(seen.absent.values())
    assert ("parameters" in seen.metrics) != ("parameters" in seen.absent)


@pytest.mark.parametrize("phase", ["train", "backward"])
@pytest.mark.parametrize("kind", ["no parameters", "buffers only", "quantized", "wholly frozen"])
def test_a_network_without_trainable_weights_cannot_be_trained(kind, phase, registered):
    """It is unsupported, with what would do, instead of an error of the optimizer's or autograd's."""
    name = registered(ODD[kind][0])
    with pytest.raises(Unsupported, match=r"odd has no trainable parameter: .*phase=forward"):
        measure_case(small_case(variant=name, phase=phase), BUDGET, rounds(3))


def test_packed_weights_are_counted():
    """A quantized network has the scalars of the one that it was made from, in fewer bytes."""
    case = small_case(hidden_size=16)
    plain, packed = weights_of(Whole(case)), weights_of(quantized(case))
    assert packed.count == plain.count
    assert plain.bytes / 4 < packed.bytes < plain.bytes / 2
    assert packed.trainable_bytes == 0


def test_frozen_weights_are_storage(registered):
    """Parameters and their bytes take frozen weights in; gradients and optimizer state are of the others."""
    seen = measure_case(small_case(variant=registered(frozen)), BUDGET, rounds(3))
    assert seen.metrics["parameters"] == 2 * (8 * 8 + 8)
    assert seen.metrics["parameter_bytes"] == 2 * seen.metrics["gradient_bytes"]


@pytest.mark.parametrize("kind", ["quantized", "lazy", "frozen"])
def test_odd_modules_can_be_planned(kind, registered):
    """Weights are known before a case is measured, whatever holds them."""
    case = small_case(variant=registered(ODD[kind][0]), phase="forward")
    seen = measure_case(case, BUDGET, rounds(3), skip_oversize=True)
    assert weights_on_meta(case, FORMATS["fp32"]).bytes == seen.metrics["parameter_bytes"]


def test_workload_of_a_plain_case_has_no_notes():
    """Built-in variants set nothing."""
    with workload(variant="lstm") as work:
        assert work.notes == []
