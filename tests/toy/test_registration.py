"""The toy accelerator is a device like any other: found, forked with, and kept apart from the CPU. Each docstring states one fact."""

import copy
import io

import pytest
import torch
from torch import nn

from tests import toy
from tests.toy.support import HERE, run_python


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
