"""The train step: what each part does, and that together they train."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rnnbench.device.devices import Clock
from rnnbench.device.precision import Format
from rnnbench.measure.learn.trainer import Teaching
from rnnbench.tasks import PROBLEMS
from rnnbench.variants import VARIANTS
from tests.measure.parts import workload
from tests.tools import small_case


def norm(parameters) -> float:
    """The gradient's norm, from its definition."""
    return float(torch.sqrt(sum((p.grad.double() ** 2).sum() for p in parameters)))


@given(st.floats(1e-4, 10), st.sampled_from(["elman", "lstm", "gru"]), st.booleans())
@settings(max_examples=15)
def test_the_gradient_is_as_short_as_clipping_says(clip_norm, variant, bidirectional):
    """gradient_norm is the norm before clipping; after it the norm is clip_norm, or what it was where that is less."""
    with workload(variant=variant, clip_norm=clip_norm, bidirectional=bidirectional, depth=2) as work:
        train, before = work.train, float("nan")
        work.next_batch()
        for name, part in train.parts:
            if name == "clip_s":
                before = norm(train.parameters)
            part()
            if name == "clip_s":
                assert float(train.gradient_norm) == pytest.approx(before, rel=1e-4)
                assert norm(train.parameters) == pytest.approx(min(before, clip_norm), rel=1e-4)
        assert before == before


def test_the_step_beside_does_not_clip():
    """What clipping is compared with is the same step with the gradient left as it came."""
    with workload(clip_norm=1e-6) as work:
        assert work.beside_name == "no clipping"
        work.beside()
        assert norm(work.train.parameters) > 1e-4
        work.step()
        assert norm(work.train.parameters) == pytest.approx(1e-6, rel=1e-3)


@pytest.mark.parametrize("clip_norm", [None, 0.01])
def test_three_steps_equal_a_loop_written_by_hand(clip_norm):
    """AdamW on a squared error over rotating batches, with gradients cleared and clipped: the weights are those of plain PyTorch."""
    case = small_case(variant="gru", depth=2, clip_norm=clip_norm, seed=7)
    with workload(case) as work:
        batches = [(x.clone(), y.clone()) for x, y in work._batches]
        torch.manual_seed(7)
        model = VARIANTS["gru"].module(case)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
        for turn in (1, 2, 3, 0, 1):
            work.step()
            x, y = batches[turn]
            optimizer.zero_grad()
            ((model(x)[0] - y) ** 2).mean().backward()
            if clip_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
            optimizer.step()
        for trained, expected in zip(work.model.parameters(), model.parameters(), strict=True):
            torch.testing.assert_close(trained, expected, rtol=1e-5, atol=1e-7)


def test_training_brings_the_loss_down():
    """Many steps on the same batches learn them."""
    with workload(hidden_size=16, seq_len=2) as work:
        work.step()
        before = float(work.loss.detach())
        for _ in range(300):
            work.step()
        assert float(work.loss.detach()) < before


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, "zero_grad_s forward_s loss_s backward_s optimizer_s"),
        ({"clip_norm": 1.0}, "zero_grad_s forward_s loss_s backward_s clip_s optimizer_s"),
    ],
)
def test_the_parts_are_timed_in_order(fields, names):
    """Reading the clock between parts gives one sample of each part for each step, in the order in which they ran."""
    ticks = iter(range(1000))
    with workload(**fields) as work:
        spent = {name: [] for name in names.split()}
        step = work.train.by_parts(lambda: next(ticks), spent)
        step()
        step()
        assert [name for name, _ in work.train.parts] == names.split()
        assert all(samples == [1, 1] for samples in spent.values())


def test_a_step_in_parts_is_the_step():
    """Timing the parts changes no weight: two workloads of one seed, one timed in parts, end equal."""
    with workload(clip_norm=0.1) as whole, workload(clip_norm=0.1) as parted:
        step = parted.train.by_parts(lambda: 0.0, {name: [] for name, _ in parted.train.parts})
        for _ in range(3):
            whole.step()
            step()
        assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), parted.model.parameters(), strict=True))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_weights_and_optimizer_stay_in_fp32(precision):
    """Autocast lowers the products, never the weights, their gradients or the optimizer's state."""
    with workload(precision=precision) as work:
        work.step()
        tensors = [*work.train.parameters, *(p.grad for p in work.train.parameters)]
        tensors += [value for state in work.train.optimizer.state.values() for value in state.values()]
        assert {tensor.dtype for tensor in tensors} == {torch.float32}


@pytest.mark.parametrize("phase", ["forward", "backward"])
def test_other_phases_have_no_optimizer(phase):
    """Only the train phase changes weights."""
    with workload(phase=phase) as work:
        before = [p.detach().clone() for p in work.model.parameters()]
        work.step()
        assert work.train is None
        assert all(torch.equal(p, old) for p, old in zip(work.model.parameters(), before, strict=True))


def test_a_forward_step_keeps_no_graph():
    """Inference leaves nothing to go back through, and runs the model in evaluation mode."""
    with workload(phase="forward") as work:
        work.step()
        assert work.output.grad_fn is None
        assert not work.model.training


def test_a_backward_step_leaves_fresh_gradients():
    """Each backward step starts from cleared gradients: the same batch gives the same gradient, not twice as much."""
    with workload(phase="backward") as work:
        seen = []
        for _ in range(2 * len(work._batches)):
            work.step()
            seen.append(norm(list(work.model.parameters())))
        half = len(work._batches)
        assert seen[:half] == pytest.approx(seen[half:])
        assert len(set(seen[:half])) == half


def test_trainings_and_timed_steps_have_one_optimizer():
    """AdamW is torch's fused one on a CPU, in the train phase as in a training to a target."""
    with workload() as work:
        timed = work.train.optimizer
        recipe = replace(PROBLEMS["parity"].recipe, optimizer="adamw")
        teaching = Teaching(
            work.model, nn.functional.mse_loss, recipe, clip_norm=None, form=Format(None), device=work.device, clock=Clock(work.device)
        )
    assert timed.defaults["fused"] is True
    assert type(teaching.optimizer) is type(timed)
    assert teaching.optimizer.defaults["fused"] is True
