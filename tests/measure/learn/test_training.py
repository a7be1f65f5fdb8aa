"""Training to a target: the same curve twice, divergence as a status, the order of scaler and clipping, distillation."""

from dataclasses import replace
from math import isfinite
from typing import Any

import pytest
import torch
from torch import nn

import tests.toy  # noqa: F401 - registers the device
from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import FORMATS, in_format
from rnnbench.errors import Diverged, Unsupported
from rnnbench.measure.learn import converge as training
from rnnbench.measure.learn.distillation import digest, teacher_of
from rnnbench.measure.learn.sealed import sealed
from rnnbench.measure.learn.trainer import Teaching, factor
from rnnbench.measure.measuring import Measurement
from rnnbench.measure.outcome import record_of
from rnnbench.record import Record
from rnnbench.tasks import PROBLEMS, Recipe

SMALL = {"phase": "converge", "task": "parity", "seq_len": 40, "depth": 1, "hidden_size": 16, "input_size": 1, "batch_size": 32}


def small(**fields: Any) -> Case:
    return Case(**{"suite": "test", **SMALL, "max_steps": 50, **fields})


def train(case: Case, **more: Any) -> Measurement:
    seen = Measurement()
    training.converge(case, Budget.of("quick"), lambda _, run: run(), seen=seen, **more)
    return seen


def curve(case: Case, **more: Any) -> list[tuple[int, float, float]]:
    return [(step, loss, quality) for step, _, loss, quality in train(case, **more).curve]


def test_a_seed_gives_one_curve():
    """Two trainings of one seed have the same losses and qualities to the last bit; another seed has others."""
    assert curve(small()) == curve(small()) != curve(small(seed=1))


def test_a_training_stops_at_its_target():
    """Parity is learned before the last step, and the record says when."""
    seen = train(small(hidden_size=32, max_steps=400))
    metrics = seen.metrics
    assert metrics["steps_to_target"] == metrics["training_steps"] < 400
    assert 0 < metrics["time_to_target_s"] == metrics["training_s"]
    assert metrics["test_quality"] > 0.98
    assert metrics["test_error"] == pytest.approx(1 - metrics["test_quality"])


def test_a_missed_target_is_absent_with_its_reason():
    """A training that is too short has no steps to its target, and says why."""
    seen = train(small())
    assert "steps_to_target" not in seen.metrics
    assert seen.absent["steps_to_target"] == "did not reach accuracy 0.99 in 50 steps"


def test_time_ends_a_training():
    """A budget that is spent ends the training with a last point of the curve and a note."""
    seen = Measurement()
    training.converge(small(max_steps=100_000), Budget(max_time_s=1e-6, precision=0.1), lambda _, run: run(), seen=seen)
    assert seen.metrics["training_steps"] == 25 == seen.curve[-1][0]
    assert "stopped at step 25 of 100000" in seen.notes[0]


def test_divergence_is_a_status_that_keeps_its_curve():
    """A learning rate beyond all measure diverges; the record says so and keeps what was seen."""
    case = small(lr=1e6, optimizer="sgd", max_steps=200, variant="elman_relu")
    seen = Measurement()
    with pytest.raises(Diverged) as caught:
        training.converge(case, Budget.of("quick"), lambda _, run: run(), seen=seen)
    record = record_of(case, 0, seen, caught.value, "", 1)
    assert record.status == "diverged"
    assert "at step" in record.reason
    assert record.metrics["training_steps"] > 0
    assert Record.from_dict(record.as_dict()).curve == record.curve


def test_the_order_is_unscale_clip_optimizer(monkeypatch):
    """With a loss scaler, gradients are divided first, then clipped, then used."""
    calls = []

    class Scaler:
        def __init__(self, _): ...
        def scale(self, loss):
            return loss * 4

        def get_scale(self):
            return 4.0

        def update(self): ...
        def step(self, optimizer):
            calls.append("step")

        def unscale_(self, optimizer):
            calls.append("unscale")
            for group in optimizer.param_groups:
                for weight in group["params"]:
                    weight.grad /= 4

    monkeypatch.setattr(torch.amp, "GradScaler", Scaler)
    clip = nn.utils.clip_grad_norm_
    monkeypatch.setattr(nn.utils, "clip_grad_norm_", lambda *given: calls.append("clip") or clip(*given))
    device = Device("cpu")
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    form = replace(FORMATS["fp32"], scaled=True)
    one = Teaching(model, nn.functional.mse_loss, Recipe(), clip_norm=0.5, form=form, device=device, clock=Clock(device))
    one.step(torch.ones(1, 1), torch.zeros(1, 1))
    assert calls == ["unscale", "clip", "step"]
    assert float(one.norms[0]) == pytest.approx(2.0)  # of the true gradient, 2 · (1 − 0) · 1, not of the scaled one
    assert float(model.weight.grad.norm()) == pytest.approx(0.5, rel=1e-4)


def test_the_learning_rate_rises_and_falls():
    """Warm-up is a straight rise; a cosine ends near 0; a constant stays."""
    cosine, constant = (Recipe(schedule=name, warmup_steps=10, max_steps=100) for name in ("cosine", "constant"))
    assert factor(constant, 4) == 0.5
    assert factor(constant, 99) == 1.0
    assert factor(cosine, 50) == pytest.approx(0.5)
    assert factor(cosine, 99) < 0.001


def test_bf16_trains_and_reading_both_ways_is_refused():
    """bf16 learns under autocast; a network that would see the labels is unsupported."""
    assert len(train(small(precision="bf16")).curve) == 2
    with pytest.raises(Unsupported, match="bidirectional network"):
        train(small(bidirectional=True))


def test_fp16_learns_under_a_loss_scale_on_the_test_accelerator():
    """A training in fp16 states its loss scale and the steps that it left out, and its losses are finite; nothing is left on the CPU."""
    seen = train(small(precision="fp16", device="toy", max_steps=30, clip_norm=1.0))
    assert seen.metrics["loss_scale"] > 0
    assert seen.metrics["skipped_steps"] >= 0
    assert seen.metrics["training_steps"] == 30
    assert all(isfinite(loss) for _, _, loss, _ in seen.curve)


def test_hidden_states_are_matched(tmp_path):
    """A student that matches its teacher's hidden states says after training what most of them are; its own weights are no more."""
    teacher, weights = {"hidden_size": 24, "depth": 2, "lr": 1e-2}, []
    for match in (True, False):
        case = small(distilled=True, match_hidden=match, lr=1e-2, max_steps=150)
        with in_format("fp32", device := Device("cpu")) as form:
            lesson, _ = training._teacher(teacher_of(case, teacher), device, tmp_path)
            practice, _ = sealed(PROBLEMS[case.task].make(case))
            work = training.Training(case, device, form, Clock(device), 1e9, practice, whole=True)
            work.learn_from(lesson)
            work.run()
        weights.append(sum(weight.numel() for weight in work.model.parameters()))
        if match:
            x = work.splits["validation"].x
            with torch.no_grad():
                said, states = work.teaching.model(x)[1], lesson.hidden(x).transpose(0, 1)
            assert float((said - states).square().mean() / states.var()) < 0.5
    assert weights[0] == weights[1]


def test_a_teacher_is_trained_once_and_kept(tmp_path, monkeypatch):
    """The second student finds the teacher on disk, and learns the very same curve from it."""
    monkeypatch.setattr("rnnbench.measure.learn.distillation._KEPT", {})
    teacher, student = {"hidden_size": 24, "depth": 2}, small(distilled=True)
    first = curve(student, teacher=teacher, whole=True, folder=tmp_path)
    (kept,) = tmp_path.glob("*.pt")
    assert kept.stem == digest(teacher_of(student, teacher), PROBLEMS["parity"])
    monkeypatch.setattr("rnnbench.measure.learn.distillation._KEPT", {})
    before = kept.stat().st_mtime_ns
    assert curve(student, teacher=teacher, whole=True, folder=tmp_path) == first != curve(small())
    assert kept.stat().st_mtime_ns == before


def test_a_distilled_record_has_evidence_of_its_teacher(tmp_path, monkeypatch):
    """It names the teacher and the quality that it had; a student that nobody taught has neither."""
    monkeypatch.setattr("rnnbench.measure.learn.distillation._KEPT", {})
    teacher = {"hidden_size": 24, "depth": 2}
    taught = train(small(distilled=True), teacher=teacher, folder=tmp_path)
    assert 0.4 < taught.metrics["teacher_quality"] <= 1
    who = teacher_of(small(distilled=True), teacher)
    assert any(note.startswith(f"taught by {who}: ") for note in taught.notes)
    alone = train(small())
    assert "teacher_quality" not in alone.metrics
    assert not any("taught by" in note for note in alone.notes)
