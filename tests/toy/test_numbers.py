"""The toy accelerator computes what the CPU computes, in each precision. Each docstring states one fact."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests import toy
from tests.toy.support import MODELS, PRECISIONS, error, first, twins


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", MODELS)
def test_gradients_equal_the_cpu(name, precision):
    """Outputs and every gradient equal float32 on the CPU, within the format's tolerance."""
    dtype, tolerance = PRECISIONS[precision]
    cpu, model = twins(MODELS[name])
    x = torch.randn(7, 3, 4) if "cell" not in name else torch.randn(3, 4)
    x_cpu, x_toy = x.clone().requires_grad_(), x.to("toy").requires_grad_()
    out = first(cpu(x_cpu))
    weight = torch.randn_like(out)
    (out * weight).sum().backward()
    with torch.autocast("toy", dtype=dtype or torch.bfloat16, enabled=dtype is not None):
        out_toy = first(model(x_toy))
    (out_toy.float() * weight.to("toy")).sum().backward()
    assert error(out_toy, out) < tolerance
    assert {n: e for n, p in model.named_parameters() if not (e := error(p.grad, cpu.get_parameter(n).grad)) < tolerance} == {}
    assert x_cpu.grad is None or error(x_toy.grad, x_cpu.grad) < tolerance


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", [name for name in MODELS if name != "layer norm"])
def test_autocast_lowers_products(name, mode, dtype):
    """Matrix products, recurrences, convolution and attention leave in autocast's type, under inference_mode too."""
    model = MODELS[name]().to("toy")
    x = torch.randn(3, 3, 4, device="toy") if "cell" not in name else torch.randn(3, 4, device="toy")
    with mode(), torch.autocast("toy", dtype=dtype):
        assert first(model(x)).dtype == dtype


@pytest.mark.parametrize(
    "product",
    [
        torch.matmul,
        torch.bmm,
        lambda a, b: torch.mm(a[0], b[0]),
        lambda a, b: torch.einsum("bij,bjk->bik", a, b),
        lambda a, b: torch.addmm(a[0], a[0], b[0]),
        lambda a, b: torch.baddbmm(a, a, b),
        lambda a, b: a @ b[0],
    ],
)
def test_autocast_lowers_each_product(product):
    """Every way to write a product is lowered; without autocast it stays."""
    a = torch.randn(2, 3, 3, device="toy")
    assert product(a, a).dtype == torch.float32
    with torch.autocast("toy", dtype=torch.bfloat16):
        assert product(a, a).dtype == torch.bfloat16
        with torch.autocast("toy", enabled=False):
            assert product(a, a).dtype == torch.float32


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.softmax(-1),
        lambda x: x.log_softmax(-1),
        lambda x: nn.functional.layer_norm(x, (4,)),
        lambda x: nn.functional.mse_loss(x, x),
        lambda x: nn.functional.cross_entropy(x, torch.tensor([0, 1], device="toy")),
        lambda x: x.sum(),
        lambda x: x.exp(),
        lambda x: torch.linalg.vector_norm(x),
        lambda x: torch.addcmul(x.float(), x, x),
    ],
)
def test_autocast_keeps_sums_in_float32(function):
    """Losses, norms, softmax and sums of a lower type leave in float32."""
    with torch.autocast("toy", dtype=torch.bfloat16):
        assert function(torch.randn(2, 4, device="toy", dtype=torch.bfloat16)).dtype == torch.float32


def test_autocast_keeps_a_type_that_was_asked_for():
    """A softmax with a type of its own keeps it."""
    with torch.autocast("toy", dtype=torch.bfloat16):
        assert torch.ones(3, device="toy", dtype=torch.bfloat16).softmax(-1, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_autocast_casts_a_weight_once():
    """Within a block a weight is cast once; the next block casts it afresh, so that an optimizer's step is seen."""
    layer, x = nn.Linear(4, 4, bias=False).to("toy"), torch.ones(1, 4, device="toy", dtype=torch.bfloat16)
    with toy.watch() as calls, torch.autocast("toy", dtype=torch.bfloat16):
        before = layer(x)
        layer(x)
    assert [call.name for call in calls].count("_to_copy") == 1
    with torch.no_grad():
        layer.weight.add_(1)
    with torch.autocast("toy", dtype=torch.bfloat16):
        assert not torch.equal(layer(x), before)


def test_packed_sequences():
    """Sequences of unequal length: lengths stay on the CPU, data and gradients on the device."""
    cpu, model = twins(lambda: nn.LSTM(4, 6, 2, bidirectional=True))
    x, lengths = torch.randn(5, 3, 4), torch.tensor([5, 3, 2])
    outs = [pad_packed_sequence(m(pack_padded_sequence(data, lengths))[0])[0] for m, data in ((cpu, x), (model, x.to("toy")))]
    for out in outs:
        out.sum().backward()
    assert error(outs[1], outs[0]) < 1e-5
    assert error(model.weight_hh_l0.grad, cpu.weight_hh_l0.grad) < 1e-5


@pytest.mark.parametrize("options", [{}, {"foreach": False}, {"fused": True}, {"capturable": True}], ids=str)
def test_adamw_with_clipping_equals_the_cpu(options):
    """Three clipped steps of AdamW leave the CPU's weights, whichever kernel does them."""
    pair = twins(lambda: nn.LSTM(4, 6, 2))
    data = torch.randn(3, 5, 2, 4)
    norms = []
    for model, kwargs in zip(pair, ({}, options), strict=True):
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, **kwargs)
        for x in data:
            optimizer.zero_grad()
            model(x.to(model.weight_hh_l0.device))[0].pow(2).sum().backward()
            norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.1).item())
            optimizer.step()
    assert norms[3:] == pytest.approx(norms[:3], rel=1e-4)
    assert error(pair[1].weight_hh_l0, pair[0].weight_hh_l0) < 1e-4


def test_optimizer_takes_the_foreach_path():
    """AdamW and clipping choose the kernels for many tensors by default, as on CUDA."""
    model = nn.Linear(3, 3).to("toy")
    model(torch.ones(1, 3, device="toy")).sum().backward()
    with toy.watch() as calls:
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        torch.optim.AdamW(model.parameters()).step()
    names = [call.name for call in calls]
    assert {"_foreach_norm", "_foreach_mul_", "_foreach_addcdiv_"} <= set(names)


def fp16_step(model, optimizer, scaler, x):
    optimizer.zero_grad()
    with torch.autocast("toy", dtype=torch.float16):
        loss = nn.functional.mse_loss(first(model(x)), torch.zeros((), device="toy").expand(5, 2, 6))
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()


def test_fp16_order_is_in_the_log():
    """The log shows unscale, then clip, then the optimizer."""
    model = nn.LSTM(4, 6).to("toy")
    with toy.watch() as calls:
        fp16_step(
            model, torch.optim.AdamW(model.parameters()), torch.amp.GradScaler("toy", init_scale=2.0**8), torch.randn(5, 2, 4, device="toy")
        )
    names = [call.name for call in calls]
    order = [
        names.index(name)
        for name in ("_amp_foreach_non_finite_check_and_unscale_", "_foreach_norm", "_foreach_addcdiv_", "_amp_update_scale_")
    ]
    assert order == sorted(order)
    assert [call.at for call in calls] == sorted(call.at for call in calls)


def test_scaler_skips_a_step_that_is_not_finite():
    """An infinite gradient skips the step and halves the scale."""
    model = nn.LSTM(4, 6).to("toy")
    optimizer, scaler = torch.optim.AdamW(model.parameters()), torch.amp.GradScaler("toy", init_scale=2.0**8)
    before = model.weight_hh_l0.detach().clone()
    fp16_step(model, optimizer, scaler, torch.full((5, 2, 4), torch.inf, device="toy"))
    assert torch.equal(model.weight_hh_l0, before)
    assert scaler.get_scale() == 2.0**7
    fp16_step(model, optimizer, scaler, torch.ones(5, 2, 4, device="toy"))
    assert not torch.equal(model.weight_hh_l0, before)


def test_same_seed_same_numbers():
    """A seed gives the CPU's numbers; fork_rng and checkpointing find the generator's state."""
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    with torch.random.fork_rng(device_type="toy"):
        assert torch.equal(torch.randn(4, device="toy").cpu(), expected)
    assert torch.equal(torch.randn(4, device="toy").cpu(), expected)
    layers = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)).to("toy")
    torch.utils.checkpoint.checkpoint(layers, torch.ones(2, 4, device="toy"), use_reentrant=False).sum().backward()
    assert layers[0].weight.grad.is_toy
