"""The toy accelerator behaves as CUDA does where rnnbench could go wrong. Each docstring states one fact."""

import copy
import gc
import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests import toy

HERE = Path(__file__).parent
PRECISIONS = {
    "fp32": (None, 1e-5),
    "bf16": (torch.bfloat16, 4e-2),
    "fp16": (torch.float16, 5e-3),
}  # autocast's type, relative error allowed


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(4, 24)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, 2, 4)).transpose(-2, -4).unbind(-3)
        return nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


class Tokens(nn.Module):
    """Embedding, recurrence, cross-entropy's logits."""

    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.out = nn.Embedding(10, 4), nn.GRU(4, 5), nn.Linear(5, 10)

    def forward(self, x):
        return self.out(self.rnn(self.embed((x.abs() * 5).long().clamp(max=9)[..., 0]))[0])


MODELS = {
    "linear": lambda: nn.Linear(4, 6),
    "tanh": lambda: nn.RNN(4, 6, 2),
    "relu": lambda: nn.RNN(4, 6, 2, nonlinearity="relu", bidirectional=True),
    "lstm": lambda: nn.LSTM(4, 6, 3),
    "lstm, both ways": lambda: nn.LSTM(4, 6, 2, bidirectional=True, batch_first=True),
    "lstm, no bias": lambda: nn.LSTM(4, 6, bias=False),
    "gru": lambda: nn.GRU(4, 6, 2),
    "gru, both ways": lambda: nn.GRU(4, 6, 2, bidirectional=True),
    "lstm cell": lambda: nn.LSTMCell(4, 6),
    "gru cell": lambda: nn.GRUCell(4, 6),
    "rnn cell": lambda: nn.RNNCell(4, 6),
    "layer norm": lambda: nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8)),
    "conv1d": lambda: nn.Conv1d(3, 5, 2),
    "attention": Attention,
    "tokens": Tokens,
}


def first(out):
    return out[0] if isinstance(out, tuple) else out


def twins(make):
    """The same model on the CPU and on toy."""
    torch.manual_seed(0)
    model = make()
    return model, copy.deepcopy(model).to("toy")


def error(a, b):
    """Relative to the size of the second."""
    a, b = a.detach().cpu().float(), b.detach().float()
    return ((a - b).norm() / b.norm().clamp(min=1e-3)).item()


def run_python(code, cwd="/", **env):
    ran = subprocess.run([sys.executable, "-c", code], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture
def capacity():
    """Set the device's capacity to what is in use and so much more."""
    before = toy.TOY.capacity_bytes

    def leave(free_bytes):
        gc.collect()
        toy.TOY.capacity_bytes = torch.toy.memory_allocated() + free_bytes

    yield leave
    toy.TOY.capacity_bytes = before


# Registration


def test_device_is_registered_once():
    """A second registration changes nothing; torch finds the device and its module by name."""
    module = torch.get_device_module("toy")
    toy.register()
    assert torch.get_device_module("toy") is module is torch.toy
    assert torch.ones(2, device="toy").device == torch.device("toy", 0)
    assert (module.device_count(), module.current_device(), module.is_available()) == (1, 0, True)


def test_no_second_device():
    """There is one device, as the error says."""
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.ones(2, device="toy:1")
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.toy.set_device(1)


def test_plugin_file_works_from_any_folder():
    """A worker that stands elsewhere and loads the plugin by its path has the device."""
    spec = f"u.spec_from_file_location('x', {str(HERE / 'plugin.py')!r})"
    load = f"import importlib.util as u; s = {spec}; s.loader.exec_module(u.module_from_spec(s))"
    assert run_python(f"{load}; import torch; print(torch.ones(2, device='toy').sum().item())") == "2.0\n"


FORK = """
import os, sys; sys.path.insert(0, {root!r})
import torch
if {before}: import tests.toy
pid = os.fork()
if pid == 0:
    import tests.toy
    model = torch.nn.LSTM(4, 5, 2).to("toy")
    with torch.autocast("toy", dtype=torch.bfloat16):
        loss = model(torch.randn(3, 2, 4, device="toy"))[0].sum()
    loss.backward()
    os._exit(0 if model.weight_hh_l0.grad.is_toy and torch.toy.memory_allocated() > 0 else 1)
assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.mark.parametrize("before", [True, False])
def test_fork(before):
    """A forked child trains on the device, registered before the fork or after it."""
    run_python(FORK.format(root=str(HERE.parents[1]), before=before))


# Numbers


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


# Devices kept apart


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x + torch.ones(3),
        lambda x: nn.functional.linear(x, torch.ones(3, 3)),
        lambda x: torch.cat([x, torch.ones(2, 3)]),
        lambda x: torch.ones(2, 3).add_(x),
        lambda x: torch.ones(()).add_(x.sum()),
        lambda x: nn.LSTM(3, 3).to("toy")(torch.ones(4, 2, 3)),
        lambda x: nn.functional.cross_entropy(x, torch.tensor([0, 1])),
        lambda x: nn.functional.embedding(torch.tensor([0]), x),
    ],
)
def test_strays_raise(mix):
    """A CPU tensor among toy's raises, as on CUDA."""
    with pytest.raises(RuntimeError, match=r"at the same device|to be on the same device"):
        mix(torch.ones(2, 3, device="toy"))


def test_what_may_mix():
    """Numbers in CPU tensors of no dimension, CPU indices and copies may mix, as on CUDA."""
    x = torch.ones(2, 3, device="toy")
    assert (x * torch.tensor(2.0)).sum().item() == 12
    assert x[torch.tensor([0])].shape == (1, 3)
    x.copy_(torch.zeros(2, 3))
    host = torch.ones(2, 3)
    assert host.copy_(x) is host
    assert host.sum() == 0


def test_numpy_wants_a_copy():
    """numpy() raises CUDA's error; printing, formatting and tolist() work."""
    x = torch.ones(2, device="toy")
    with pytest.raises(TypeError, match="can't convert toy:0 device type tensor to numpy"):
        x.numpy()
    assert (f"{x.sum():.1f}", x.tolist(), repr(x)) == ("2.0", [1.0, 1.0], "tensor([1., 1.], device='toy:0')")
    assert torch.tensor([1, 2], device="toy").cpu().numpy().sum() == 3


def test_parameters_keep_their_identity():
    """Module.to moves parameters in place, so that ties and an optimizer made before hold, as on CUDA."""
    model = nn.Linear(3, 3)
    model.tied = nn.Linear(3, 3)
    model.tied.weight = weight = model.weight
    model.to("toy")
    assert model.weight is weight is model.tied.weight
    assert weight.is_toy
    assert isinstance(weight, nn.Parameter)


def test_checkpoints():
    """A model on toy can be copied, saved and loaded, there and on the CPU."""
    model, file = nn.GRU(3, 3).to("toy"), io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=False)
    cpu, twin = nn.GRU(3, 3), copy.deepcopy(model)
    cpu.load_state_dict(state)
    twin.load_state_dict(state)
    assert state["weight_hh_l0"].is_toy
    assert twin.weight_hh_l0.is_toy
    assert torch.equal(cpu.weight_hh_l0, model.weight_hh_l0.cpu())


# Memory


def test_allocated_bytes_are_exact():
    """A model adds its parameters' bytes; a view adds none; what dies is given back."""
    gc.collect()
    before = torch.toy.memory_allocated()
    model = nn.LSTM(8, 16, 2).to("toy")
    view = model.weight_hh_l0[0].t().detach()
    assert torch.toy.memory_allocated() - before == sum(p.nbytes for p in model.parameters())
    kept = model.weight_hh_l0.nbytes
    del model
    gc.collect()
    assert torch.toy.memory_allocated() - before == kept
    del view
    assert torch.toy.memory_allocated() == before


def test_peaks_are_since_the_reset():
    """The peak holds what is gone, until it is reset; reserved memory stays until the cache is emptied."""
    gc.collect()
    torch.toy.empty_cache()
    torch.toy.reset_peak_memory_stats()
    before, reserved = torch.toy.memory_allocated(), torch.toy.memory_reserved()
    x = torch.ones(3 * 2**20, dtype=torch.uint8, device="toy")
    del x
    assert torch.toy.memory_allocated() == before
    assert torch.toy.max_memory_allocated() == before + 3 * 2**20
    assert torch.toy.memory_reserved() == torch.toy.max_memory_reserved() >= reserved + 2 * 2**20
    torch.toy.empty_cache()
    torch.toy.reset_peak_memory_stats()
    assert torch.toy.max_memory_allocated() == before == torch.toy.memory_stats()["allocated_bytes.all.peak"]
    assert torch.toy.max_memory_reserved() == reserved


def test_train_steps_do_not_leak():
    """Steps leave parameters, gradients and the optimizer's state, and the peak counts the activations above them."""
    gc.collect()
    before = torch.toy.memory_allocated()
    model = nn.LSTM(8, 16, 2).to("toy")
    optimizer = torch.optim.AdamW(model.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(6, 4, 8, device="toy"))[0].sum().backward()
        optimizer.step()
    gc.collect()
    assert torch.toy.memory_allocated() - before == 4 * sum(p.nbytes for p in model.parameters())
    assert torch.toy.max_memory_allocated() > torch.toy.memory_allocated()


def test_out_of_memory(capacity):
    """An allocation beyond the capacity raises OutOfMemoryError in CUDA's words, and what was free stays free."""
    capacity(64 * 2**20)
    x = torch.ones(61 * 2**20, dtype=torch.uint8, device="toy")
    before = torch.toy.memory_allocated()
    with pytest.raises(
        torch.OutOfMemoryError, match=r"Tried to allocate 20\.00 MiB\. toy:0 has a total capacity of .* of which 3\.00 MiB is free"
    ):
        torch.ones(20 * 2**20, dtype=torch.uint8, device="toy")
    assert torch.toy.memory_allocated() == before
    assert torch.toy.mem_get_info()[1] == toy.TOY.capacity_bytes
    assert x.sum().item() == 61 * 2**20


def test_out_of_memory_in_backward(capacity):
    """Backward, on autograd's own thread, runs out of memory with the same error."""
    model = nn.LSTM(8, 64, 2).to("toy")
    loss = model(torch.randn(6, 4, 8, device="toy"))[0].sum()
    capacity(1000)
    with pytest.raises(torch.OutOfMemoryError, match="toy out of memory"):
        loss.backward()
    capacity(2**20)
    model(torch.randn(6, 4, 8, device="toy"))[0].sum().backward()
    assert model.weight_hh_l0.grad.is_toy


def test_capacity_comes_from_the_environment():
    """A child's capacity is set in its environment."""
    code = f"import sys; sys.path.insert(0, {str(HERE.parents[1])!r}); import torch, tests.toy; print(torch.toy.mem_get_info())"
    assert run_python(code, TOY_CAPACITY_BYTES="1048576") == "(1048576, 1048576)\n"


def storage(tensor):
    return tensor.untyped_storage()._cdata


def test_storage_identity():
    """`untyped_storage()._cdata` is one for a tensor and its views, another for any other tensor; nbytes is the whole storage's."""
    x = torch.ones(3, 4, device="toy")
    views = (x[1], x.t(), x.view(-1), x.detach(), x[:, 1:].transpose(0, 1), *x.unbind(0), *x.chunk(2, -1))
    assert {storage(view) for view in views} == {storage(x)}
    assert {view.untyped_storage().nbytes() for view in views} == {48}
    assert storage(x.clone()) != storage(x)
    assert x.add_(1) is x


def activations(model, x):
    """Bytes that autograd keeps, each storage once, parameters left out."""
    own, kept = {storage(p) for p in model.parameters()}, {}

    def keep(tensor):
        if storage(tensor) not in own:
            kept.setdefault(storage(tensor), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(x)
        return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("make", [lambda: nn.RNN(8, 16, 2), lambda: nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.Tanh())])
def test_saved_activations(make):
    """saved_tensors_hooks sees the same bytes as on the CPU and on torch's meta device, each storage once."""
    on_toy, on_cpu, on_meta = (activations(make().to(device), torch.zeros(6, 4, 8, device=device)) for device in ("toy", "cpu", "meta"))
    assert on_toy == on_cpu == on_meta > 0


# Time


def test_work_is_pending_until_synchronised():
    """An operator leaves work pending; synchronize(), item() and a copy to the CPU end it; a view and an empty tensor start none."""
    x = torch.ones(3, device="toy")
    assert toy.pending()
    for wait in (
        torch.toy.synchronize,
        x.sum().item,
        x.cpu,
        x.tolist,
        torch.accelerator.synchronize,
        torch.toy.current_stream().synchronize,
    ):
        x.add_(1)
        assert toy.pending()
        wait()
        assert not toy.pending()
    x.view(3, 1)[1].t()
    torch.empty_like(x)
    assert not toy.pending()
    x.add_(1).to("cpu", non_blocking=True)
    assert toy.pending()


def test_strict_clock_counts_reads_that_come_too_early():
    """A clock read with work pending is late; one after synchronising is not."""
    clock = toy.StrictClock()
    torch.ones(3, device="toy")
    clock()
    torch.toy.synchronize()
    clock()
    assert (clock.reads, clock.late) == (2, 1)


def test_slow_device_shows_its_time_when_synchronised():
    """With a delay set, a clock read that did not synchronise misses the device's time; one that did has it."""
    x = torch.ones(3, device="toy")
    torch.toy.synchronize()
    with toy.slow_down(0.05):
        start = time.perf_counter()
        x.add_(1).add_(1)
        early = time.perf_counter() - start
        torch.toy.synchronize()
        true = time.perf_counter() - start
    assert early < 0.1 <= true


def test_events_time_the_device():
    """Two events around the work measure the device's time, whatever the host waited for."""
    start, end = (torch.toy.Event(enable_timing=True) for _ in range(2))
    x = torch.ones(3, device="toy")
    with toy.slow_down(0.05):
        start.record()
        x.add_(1)
        end.record()
        x.add_(1)
        assert not end.query()
        with pytest.raises(RuntimeError, match="not ready"):
            start.elapsed_time(end)
        end.synchronize()
    assert end.query()
    assert toy.pending()  # what came after the event
    assert 50 <= start.elapsed_time(end) < 100
    torch.toy.synchronize()


def test_events_without_timing_refuse():
    """An event made without timing has no time to give."""
    start, end = torch.toy.Event(), torch.toy.Event()
    start.record()
    end.record()
    with pytest.raises(ValueError, match="enable_timing"):
        start.elapsed_time(end)


# Log


def test_log_holds_device_calls_in_order():
    """Device calls are always logged, operators only while watched."""
    toy.CALLS.clear()
    torch.toy.reset_peak_memory_stats()
    torch.ones(3, device="toy")
    torch.toy.synchronize()
    torch.toy.max_memory_allocated()
    assert [(call.name, call.kind) for call in toy.CALLS] == [
        ("reset_peak_memory_stats", "device"),
        ("synchronize", "device"),
        ("max_memory_allocated", "device"),
    ]
    with toy.watch() as calls:
        torch.zeros(3, device="toy").add_(1)
        torch.toy.synchronize()
    assert [call.name for call in calls][-2:] == ["add_", "synchronize"]


def test_log_file_gathers_children(tmp_path):
    """A child that ends abruptly leaves its calls in the file that the environment names."""
    path = tmp_path / "calls"
    code = (
        f"import os, sys; sys.path.insert(0, {str(HERE.parents[1])!r}); import torch, tests.toy; torch.toy.synchronize(); pid = os.fork(); "
    )
    code += "torch.ones(1, device='toy') + 1; torch.toy.empty_cache(); pid and os.waitpid(pid, 0); os._exit(0)"
    run_python(code, TOY_LOG_FILE=str(path), TOY_LOG_OPS="1")
    calls = toy.read_log(path)
    assert [call.name for call in calls].count("empty_cache") == 2
    assert calls[0].name == "synchronize"
    assert ("add", "op") in {(call.name, call.kind) for call in calls}
    assert len({call.pid for call in calls}) == 2
