"""The numerical gate of a case: how far its numbers are from its reference form's, and fingerprints that repeat."""

import pytest
import torch
from torch import nn

from rnnbench.budget import Budget
from rnnbench.case import PRECISIONS
from rnnbench.measure.agreement import reference_of
from rnnbench.measure.measuring import measure_case
from rnnbench.record import DISTANCES, FINGERPRINTS, disagreement
from rnnbench.variants import VARIANTS, variant
from tests.measure.parts import rounds
from tests.tools import small_case

BUDGET = Budget(max_time_s=5, precision=0.5, min_rounds=2)


def measured(**fields):
    return measure_case(small_case(**fields), BUDGET, rounds(3))


@pytest.fixture
def odd(monkeypatch):
    """Registers a variant `odd` with a `loop` and a `fused` form, built by functions of the case."""
    monkeypatch.setattr(VARIANTS, "_found", dict(VARIANTS.all()))

    def register(loop, fused) -> None:
        def build(case):
            return {"loop": loop, "fused": fused}[case.implementation](case)

        variant(source="this test", name="odd", implementations=("loop", "fused"))(build)

    return register


class Times(nn.Module):
    """A linear layer and a factor."""

    def __init__(self, case, factor: float) -> None:
        super().__init__()
        self.layer, self.factor = nn.Linear(case.input_size, case.hidden_size), factor

    def forward(self, x):
        return self.layer(x) * self.factor


def test_a_wrong_form_is_told_before_anything_else(odd):
    """A loop whose outputs are 10 % too large has that distance, and the first note of its record says so."""
    odd(lambda case: Times(case, 1.1), lambda case: Times(case, 1.0))
    seen = measured(variant="odd", implementation="loop", phase="forward")
    assert seen.metrics["output_distance"] == pytest.approx(0.1, rel=1e-3)
    assert seen.notes[0] == "not the numbers of the fp32 eager reference form: outputs by 0.1 (tolerance 0.001), relative"


def test_a_wrong_gradient_is_told(odd):
    """A form whose outputs agree and whose gradient is twice the reference's has a gradient distance of 1."""

    class Twice(Times):
        def forward(self, x):
            y = self.layer(x)
            return 2 * y - y.detach()

    odd(lambda case: Twice(case, 1.0), lambda case: Times(case, 1.0))
    seen = measured(variant="odd", implementation="loop")
    assert seen.metrics["output_distance"] < 1e-6
    assert seen.metrics["gradient_distance"] == pytest.approx(1.0, rel=1e-3)
    assert "gradients by 1 (tolerance" in seen.notes[0]


@pytest.mark.parametrize("phase", ["forward", "backward", "train", "decode"])
@pytest.mark.parametrize(
    ("fields", "most"), [({"implementation": "loop"}, 1e-5), ({"implementation": "cell"}, 1e-5), ({"precision": "bf16"}, 5e-2)]
)
def test_the_forms_of_an_lstm_agree(phase, fields, most):
    """A loop, a cell and bf16 are near the fused fp32 form, in every phase and after the training of the rounds."""
    seen = measured(variant="lstm", depth=2, phase=phase, **fields)
    names = [name for name in DISTANCES if phase in ("backward", "train") or name == "output_distance"]
    assert [name for name in DISTANCES if name in seen.metrics] == names
    assert all(0 <= seen.metrics[name] <= most for name in names)
    if fields.get("precision") == "bf16":
        assert seen.metrics["output_distance"] > 1e-5
    assert not disagreement(fields.get("precision", "fp32"), seen.metrics)


def test_the_reference_form_has_fingerprints_and_no_distance():
    """The fused fp32 form is held against nothing; its numbers of one seed and batch repeat to the last bit, from case to case."""
    first, second, other = measured(), measured(), measured(seed=1)
    assert first.absent["output_distance"] == "this is the reference form"
    marks = [[one.metrics[name] for name in FINGERPRINTS] for one in (first, second, other)]
    assert marks[0] == marks[1]
    assert not set(marks[0]) & set(marks[2])


def test_fingerprints_are_of_the_seeds_weights_and_the_first_batch():
    """The loss's fingerprint is the loss of plain torch on that batch, not of what the rounds made of the weights."""
    case = small_case(variant="gru", seed=3)
    seen = measure_case(case, BUDGET, rounds(40))
    torch.manual_seed(3)
    model, drawn = VARIANTS["gru"].module(case), torch.Generator().manual_seed(3)
    inputs = [torch.randn(3, 2, 8, generator=drawn) for _ in range(4)]
    target = torch.randn(3, 2, 8, generator=drawn)
    loss = ((model(inputs[0])[0] - target) ** 2).mean()
    loss.backward()
    norm = torch.sqrt(sum((p.grad**2).sum() for p in model.parameters()))
    assert seen.metrics["loss_fingerprint"] == pytest.approx(float(loss.detach()), rel=1e-6)
    assert seen.metrics["gradient_fingerprint"] == pytest.approx(norm.item(), rel=1e-5)


def test_a_network_that_draws_is_not_held_against_another():
    """Dropout's masks differ from form to form: no distance, with that reason, but fingerprints, which the seed decides."""
    seen = measured(variant="drop_lstm", depth=2, implementation="loop")
    assert "draws random numbers" in seen.absent["output_distance"]
    assert "loss_fingerprint" in seen.metrics


def test_long_steps_are_not_run_again():
    """Where a few further passes would cost more than the budget, they are left out with what to raise."""
    seen = measure_case(small_case(), Budget(max_time_s=0.05, precision=0.5), rounds(3))
    assert "output_fingerprint" in seen.metrics
    from rnnbench.measure import agreement
    from tests.measure.parts import workload

    with workload() as work:
        metrics, absent, notes = {}, {}, []
        agreement.weigh(work, 10.0, 2.0, metrics, absent, notes)
    assert not metrics
    assert all("raise --case-budget" in absent[name] for name in (*DISTANCES, *FINGERPRINTS))


def test_the_reference_of_a_case():
    """fp32, eager, fused, or the first implementation of a variant that has no fused one."""
    case = small_case(variant="lstm", precision="bf16", execution="compile", implementation="loop")
    found = reference_of(case)
    assert (found.precision, found.execution, found.implementation) == ("fp32", "eager", "fused")
    assert found.hidden_size == case.hidden_size


def test_a_kernel_of_our_own_is_not_its_own_reference():
    """Where `fused` is written by hand or by a compiler of kernels, the reference form is one whose gradients torch makes."""
    ours = ("min_gru", "min_lstm", "sru", "qrnn", "rg_lru", "ln_lstm", "ln_lstm_gates", "slstm", "mlstm", "res_ln_lstm")
    assert {reference_of(small_case(variant=name)).implementation for name in ours} == {"scan", "hoisted"}
    for name in ("min_gru", "ln_lstm", "slstm"):
        assert measured(variant=name).metrics["gradient_distance"] < 1e-4


def test_torchs_own_networks_are_the_reference():
    """An LSTM, a GRU and an attention network are held against torch's fused form."""
    assert {reference_of(small_case(variant=name)).implementation for name in ("lstm", "gru", "elman", "transformer")} == {"fused"}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_has_its_tolerances(precision):
    """No distance is no disagreement; a large one is a sentence, whatever the precision."""
    assert not disagreement(precision, dict.fromkeys(DISTANCES, 0.0))
    assert disagreement(precision, dict.fromkeys(DISTANCES, 10.0)).startswith("not the numbers of the fp32 eager reference form")


def test_a_network_in_pure_bf16_agrees_with_fp32():
    """Weights, gradients and the loss in bf16 stay within the tolerances."""
    seen = measured(variant="lstm", precision="pure_bf16", phase="train")
    assert not disagreement("pure_bf16", seen.metrics)
    assert seen.metrics["gradient_distance"] > 0
