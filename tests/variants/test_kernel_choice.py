"""When Triton's kernels are used and when not, and what is said; no Triton and no GPU is needed."""

from importlib.metadata import PackageNotFoundError

import pytest
import torch

from rnnbench.errors import Unsupported
from rnnbench.variants import VARIANTS, kernels
from tests.tools import small_case
from tests.variants.parts import built, input_for

GPU = torch.device("cuda:0")


@pytest.fixture
def installed(monkeypatch):
    """Sets the version of Triton that is found; none is none."""

    def found(version: str | None) -> None:
        def look_up(package: str) -> str:
            if version is None:
                raise PackageNotFoundError(package)
            return version

        monkeypatch.setattr(kernels, "version", look_up)
        kernels._lacking.cache_clear()

    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    yield found
    kernels._lacking.cache_clear()


@pytest.mark.parametrize(
    ("version", "device", "why"),
    [
        (None, "cuda", "need the package triton: pip install"),
        ("3.4.0", "cuda", "need triton 3.6 or later, and 3.4.0 is installed"),
        ("3.9.0", "cpu", "run on cuda, not on cpu"),
    ],
)
def test_asking_for_kernels_that_cannot_run_is_unsupported(installed, version, device, why):
    """A case with implementation=triton ends with the reason, and what would do."""
    installed(version)
    with pytest.raises(Unsupported, match=why):
        VARIANTS["min_gru"].module(small_case(variant="min_gru", implementation="triton", device=device))


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_asking_for_kernels_on_a_gpu_builds(installed, device):
    """The module is built where the kernels could run, without Triton being imported."""
    installed("3.9.0")
    assert VARIANTS["sru"].module(small_case(variant="sru", implementation="triton", device=device))


@pytest.mark.parametrize(
    ("version", "capability", "trouble", "why"),
    [
        (None, (9, 0), "", "need the package triton"),
        ("3.9.0", (7, 5), "", "need compute capability 8.0, and cuda:0 has 7.5"),
        ("3.9.0", (9, 0), "a trial raised", "a trial raised"),
        ("3.10.1", (8, 0), "", ""),
    ],
)
def test_fused_on_a_gpu_says_what_holds_kernels_back(installed, monkeypatch, version, capability, trouble, why):
    """No Triton, too old a GPU or a trial that failed; empty where kernels run."""
    installed(version)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr("rnnbench.variants.kernels.check.trouble", lambda device: trouble)
    found = kernels.held_back(GPU)
    assert why in found
    assert bool(found) is bool(why)


def test_a_cpu_runs_no_kernels(installed):
    """On a CPU `fused` is what it was, whatever is installed."""
    installed("3.9.0")
    model = built("min_gru", "fused", {}, dtype=torch.float32)
    model(input_for({}, torch.float32))
    assert {layer.ran for layer in model} == {"fused"}


def test_a_row_too_wide_for_a_kernel_runs_the_plain_form(monkeypatch):
    """Beyond the hidden size at which registers would spill, `fused` is not the kernel."""
    monkeypatch.setattr(kernels, "run_on", lambda x: True)
    for hidden_size, form in ((kernels.WIDEST_GATE_NORM, "triton"), (kernels.WIDEST_GATE_NORM + 1, "fused")):
        with torch.device("meta"):
            (layer,) = built("ln_lstm_gates", "fused", {"hidden_size": hidden_size})
        assert layer.strongest(torch.empty(1, 1, 8)) == form
