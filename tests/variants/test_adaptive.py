"""Adaptive depth, against the reading of its papers for one sequence at a time."""

import pytest
import torch
from torch import nn

import tests.toy  # noqa: F401 - registers the device
from rnnbench.variants._adaptive import adaptive_of
from rnnbench.variants.residual import first
from tests.measure.parts import workload
from tests.variants.parts import built, input_for, outcome

FIELDS = {"depth": 4, "hidden_size": 5, "input_size": 3, "batch_size": 6, "seq_len": 4}
ONE = {"depth": 1, "hidden_size": 1, "input_size": 1, "batch_size": 1, "seq_len": 1}


def sharpened(model: nn.Module, factor: float = 6.0) -> nn.Module:
    """Weights so large that halting differs between sequences."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(factor)
        for part in model.modules():
            if isinstance(part, nn.Linear):
                part.bias.zero_()
    return model


@pytest.mark.parametrize("name", ["act_lstm", "early_exit_lstm"])
@pytest.mark.parametrize("fields", [FIELDS, ONE])
def test_the_fast_form_is_the_loop(name, fields):
    """In double precision the output and every gradient equal those of the plain loop; what halting costs, too."""
    x, found = input_for(fields), []
    for way in ("loop", "fused"):
        model = built(name, way, fields)
        found.append([*outcome(model, x)[:2], adaptive_of(model)[0].cost.detach(), adaptive_of(model)[0].mean_depth])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-11)


def by_the_paper(layer, x):
    """One sequence, step by step, with Python numbers for the halting: outputs, steps taken, remainders."""
    h = c = torch.zeros(layer.hidden, dtype=x.dtype)
    outputs, taken, rests = [], [], []
    for one in x:
        total, states = 0.0, []
        for number in range(layer.most):
            gates = layer.w_ih @ one + layer.w_hh @ h + layer.bias + (layer.w_first if number == 0 else 0)
            i, f, g, o = gates.chunk(4)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            p = float(layer.halt(h).detach().sigmoid())
            if total + p >= layer.halt_at or number == layer.most - 1:
                states.append((1 - total, h, c))
                break
            states.append((p, h, c))
            total += p
        h, c = (sum(state[0] * state[part] for state in states) for part in (1, 2))
        outputs.append(h)
        taken.append(len(states))
        rests.append(states[-1][0])
    return torch.stack(outputs), taken, rests


def test_adaptive_computation_time_is_the_papers():
    """Each sequence of a batch is what it is alone; mean depth and ponder cost are the means of its steps and remainders."""
    model, x = sharpened(built("act_lstm", "fused", FIELDS)), input_for(FIELDS)
    out, layer = model(x), model[0]
    alone = [by_the_paper(layer, x[:, row]) for row in range(x.shape[1])]
    torch.testing.assert_close(out, torch.stack([one[0] for one in alone], 1))
    taken = [count for one in alone for count in one[1]]
    rests = [rest for one in alone for rest in one[2]]
    assert len(set(taken)) > 1
    assert float(layer.mean_depth) == pytest.approx(sum(taken) / len(taken))
    assert float(layer.cost.detach()) == pytest.approx(0.01 * (sum(taken) + sum(rests)) / len(taken), rel=1e-5)


def test_gradients_go_through_the_halting():
    """The ponder cost has a gradient in the halting unit, as finite differences have it."""
    model, x = built("act_lstm", "fused", {**FIELDS, "batch_size": 2, "seq_len": 2}), input_for({**FIELDS, "batch_size": 2, "seq_len": 2})

    def cost(bias):
        return torch.func.functional_call(model, {"0.halt.bias": bias}, x).sum()

    assert torch.autograd.gradcheck(cost, model[0].halt.bias.detach().clone().requires_grad_(), atol=1e-4, eps=1e-5)


def test_sequences_leave_at_the_first_sure_layer():
    """In inference each sequence's output is that of the first layer whose confidence reaches the threshold; in training, the mean."""
    model, x = sharpened(built("early_exit_lstm", "fused", {**FIELDS, "halt_at": 0.5})), input_for(FIELDS)
    layers, depths, wanted = [], [], []
    h = x
    for layer in model.layers:
        h = first(layer(h))
        layers.append(h)
    for row in range(x.shape[1]):
        sure = [bool(unit(h[:, row].mean(0)).sigmoid() >= 0.5) for unit, h in zip(model.sure, layers, strict=False)]
        depth = next((number for number, one in enumerate(sure) if one), len(layers) - 1)
        wanted.append(layers[depth][:, row])
        depths.append(depth + 1)
    torch.testing.assert_close(model.eval()(x), torch.stack(wanted, 1))
    assert len(set(depths)) > 1
    assert float(model.mean_depth) == pytest.approx(sum(depths) / len(depths))


@pytest.mark.parametrize("name", ["act_lstm", "early_exit_lstm"])
@pytest.mark.parametrize("phase", ["forward", "train"])
def test_the_depth_is_told(name, phase):
    """A step's figures say how deep it went; the loss holds what that costs. It runs on the test accelerator in each precision."""
    for precision in ("fp32", "bf16", "fp16"):
        with workload(variant=name, phase=phase, precision=precision, device="toy", depth=3) as work:
            work.step()
            work.check()
            metrics = {}
            work.weigh(metrics, {})
            assert 1 <= metrics["mean_depth"] <= 3
            assert metrics["ponder_cost"] > 0
