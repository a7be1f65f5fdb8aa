"""The toy accelerator counts bytes exactly, and runs out of them. Each docstring states one fact."""

import gc

import pytest
import torch
from torch import nn

from tests import toy
from tests.toy.support import HERE, run_python


@pytest.fixture
def capacity():
    """Set the device's capacity to what is in use and so much more."""
    before = toy.TOY.capacity_bytes

    def leave(free_bytes):
        gc.collect()
        toy.TOY.capacity_bytes = torch.toy.memory_allocated() + free_bytes

    yield leave
    toy.TOY.capacity_bytes = before


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
