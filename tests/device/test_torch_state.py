"""Torch's global settings: what user code sets is put back before a case, and named in its notes."""

import gc
import os
import random

import numpy as np
import pytest
import torch

from rnnbench.device import torch_state
from rnnbench.device.machine import fingerprint
from rnnbench.device.torch_state import SETTINGS, TorchState
from rnnbench.measure.interleaving import Turns

legacy = np.random.rand  # the global generator is what is meant
CHANGES = {
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "torch.backends.mkldnn.enabled": lambda: setattr(torch.backends.mkldnn, "enabled", False),
    "torch.backends.cudnn.benchmark": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(mode=True, warn_only=True),
    "matmul precision": lambda: torch.set_float32_matmul_precision("medium"),
    "gradient mode": lambda: torch.set_grad_enabled(False),
    "anomaly mode": lambda: torch.autograd.set_detect_anomaly(True),
    "default device": lambda: torch.set_default_device("meta"),
    "autocast on cpu": lambda: torch.set_autocast_enabled("cpu", True),
    "flushing of denormal numbers": lambda: torch.set_flush_denormal(True),
    "seed": lambda: torch.manual_seed(12345),
    "cores": lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    "garbage collection": gc.disable,
    "CUDA_LAUNCH_BLOCKING": lambda: os.environ.__setitem__("CUDA_LAUNCH_BLOCKING", "1"),
    "ONEDNN_DEFAULT_FPMATH_MODE": lambda: os.environ.__setitem__("ONEDNN_DEFAULT_FPMATH_MODE", "BF16"),
    "forward hooks of every module": lambda: torch.nn.modules.module.register_module_forward_hook(lambda *_: None),
}


@pytest.fixture(autouse=True)
def own_state():
    """The process is afterwards as it was before."""
    before = TorchState()
    yield
    before.restore()


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_set_is_named_and_put_back(name):
    """Each global that a plugin can set is found changed, told with both values, and is again what it was."""
    if name == "cores" and len(getattr(os, "sched_getaffinity", lambda _: ())(0)) < 2:
        pytest.skip("one core only")
    state = TorchState()
    CHANGES[name]()
    assert any(f"{name}: " in change for change in state.changes())
    told = state.restore()
    assert any(f"{name}: " in change and change.endswith("; put back") for change in told)
    assert state.changes() == []


def test_every_setting_can_be_read():
    """No getter of the table raises with this torch, or it would never be found changed."""
    values = {one.name: one.get() for one in SETTINGS}
    assert len(values) == len(SETTINGS)


def test_random_generators_go_back():
    """Torch's, Python's and NumPy's draws after a case are those before it."""
    notes = []
    with torch_state.measuring(notes):
        first = torch.rand(3).tolist(), random.random(), legacy()
        torch.manual_seed(7)
    with torch_state.measuring(notes):
        assert (torch.rand(3).tolist(), random.random(), legacy()) == first
    assert notes == []


def test_a_plugin_is_named_in_every_later_case(tmp_path):
    """What a file sets while it is loaded is put back at once, and each case says which file it was."""
    path = tmp_path / "mine.py"
    with torch_state.loading(path):
        torch.set_default_dtype(torch.float64)
    assert torch.get_default_dtype() == torch.float32
    for _ in range(2):
        notes = []
        with torch_state.measuring(notes):
            pass
        assert notes == ["mine.py set torch's default dtype: float32 → float64; put back"]


def test_what_was_set_before_a_file_is_loaded_is_not_its_doing(tmp_path):
    """A seed that the process drew earlier is no change of the file's, not even of one that does not exist."""
    torch_state.base()
    torch.manual_seed(11)
    with torch_state.loading(tmp_path / "mine.py"):
        pass
    notes = []
    with torch_state.measuring(notes):
        pass
    assert [note.partition(": torch's ")[0] for note in notes] == ["set in this process before the case began"]
    assert torch.initial_seed() != 11


def test_a_case_that_leaves_something_set_does_not_reach_the_next():
    """Under --isolation suite the next case starts as the first did."""
    with torch_state.measuring([]):
        torch.set_default_dtype(torch.float64)
    notes = []
    with torch_state.measuring(notes):
        assert torch.get_default_dtype() == torch.float32
    assert notes == []


def test_a_builder_draws_on_while_its_settings_go_back():
    """Weights are drawn from the case's generator on; a default dtype of the builder's ends with it, and a seed of its own is told."""
    notes = []
    torch.manual_seed(3)
    with torch_state.building(notes, "odd"):
        torch.rand(1)
        torch.set_default_dtype(torch.float64)
    state = torch.get_rng_state()
    torch.manual_seed(3)
    torch.rand(1)
    assert torch.equal(state, torch.get_rng_state())
    assert notes == ["the builder of 'odd' set torch's default dtype: float32 → float64; put back"]
    with torch_state.building(notes, "odd"):
        torch.manual_seed(0)
    assert notes[-1] == "the builder of 'odd' set torch's seed: 3 → 0; left so"


def test_inside_a_device_context_the_context_stays():
    """Builders run on meta tensors too: the default device of the context is no change."""
    notes = []
    with torch.device("meta"), torch_state.building(notes, "odd"):
        assert torch.empty(1).device.type == "meta"
    assert notes == []


def test_a_change_names_whose_setting_it_is():
    """What is not torch's is not called torch's."""
    state = TorchState()
    torch.set_default_dtype(torch.float64)
    torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
    gc.disable()
    os.environ["CUDA_LAUNCH_BLOCKING"] = "1"
    named = [change.partition(": ")[0] for change in state.restore()]
    assert named == ["torch's default dtype", "torch.backends.cudnn.benchmark", "Python's garbage collection", "CUDA_LAUNCH_BLOCKING"]
    assert state.changes() == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ONEDNN_DEFAULT_FPMATH_MODE", "bf16", "ONEDNN_DEFAULT_FPMATH_MODE=bf16 is set: oneDNN may compute fp32 products in bf16"),
        ("DNNL_DEFAULT_FPMATH_MODE", "ANY", "DNNL_DEFAULT_FPMATH_MODE=ANY is set: oneDNN may compute fp32 products in a shorter type"),
        ("NVIDIA_TF32_OVERRIDE", "0", "NVIDIA_TF32_OVERRIDE=0 is set: cuBLAS and cuDNN never use TF32 for fp32 products"),
        ("ONEDNN_DEFAULT_FPMATH_MODE", "STRICT", None),
    ],
)
def test_a_variable_that_shortens_products_is_told_in_every_case(name, value, told, monkeypatch):
    """oneDNN and cuBLAS obey it whatever the case's precision says (a fused LSTM in fp32 gives other sums with it on a CPU with bf16)."""
    torch_state.base()
    monkeypatch.setenv(name, value)
    notes = []
    with torch_state.measuring(notes):
        assert [note for note in notes if "is set: " in note] == ([told] if told else [])


def test_the_machine_states_its_variables(monkeypatch):
    """A record's machine names the variables that change what torch computes, and no others."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    monkeypatch.setenv("MY_OWN", "1")
    assert fingerprint()["environment"]["OMP_WAIT_POLICY"] == "active"
    assert "MY_OWN" not in fingerprint()["environment"]


@pytest.mark.skipif(len(getattr(os, "sched_getaffinity", lambda _: ())(0)) < 2, reason="one core only")
def test_the_cores_of_a_duet_stay_those_of_the_duet(tmp_path):
    """A plugin is loaded before a duet's side takes its core: that core is no change of anybody's, and the case keeps it."""
    with torch_state.loading(tmp_path / "mine.py"):
        pass
    torch.set_num_threads(1)
    torch_state.accept("threads")
    core = max(os.sched_getaffinity(0))
    for name in ("own", "other"):
        os.mkfifo(tmp_path / name)
    Turns(tmp_path / "own", tmp_path / "other", first=True, most_wait_s=1, cores=[core])
    notes = []
    with torch_state.measuring(notes):
        assert os.sched_getaffinity(0) == {core}
    assert not any("cores" in note for note in notes)
