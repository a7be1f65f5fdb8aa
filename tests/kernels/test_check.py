"""Kernels are tried on a device before `fused` relies on them."""

from tests.kernels.parts import KERNELS  # first: it skips where Triton is not installed

# isort: split
import pytest
import torch

from rnnbench.variants.kernels import check, linear


@pytest.fixture(autouse=True)
def untried():
    """Every test tries anew."""
    check.trouble.cache_clear()
    yield
    check.trouble.cache_clear()


def test_kernels_that_work_are_trusted():
    """Where a recurrence and its gradients are those of the loop there is no trouble."""
    assert KERNELS
    assert check.trouble("cpu") == ""


def test_kernels_that_cannot_be_compiled_are_named(monkeypatch):
    """What a compiler raises becomes the reason, and nothing is raised."""

    def no_compiler(*arguments):
        raise RuntimeError("Failed to find C compiler")

    monkeypatch.setattr(linear, "recurrence", no_compiler)
    assert "RuntimeError: Failed to find C compiler" in check.trouble("cpu")


def test_kernels_that_are_wrong_are_named(monkeypatch):
    """A result that is not the loop's is not used, and by how much it is off is said."""
    real = linear.recurrence
    monkeypatch.setattr(linear, "recurrence", lambda *arguments: real(*arguments) + torch.tensor(0.5))
    assert "off by 5.0e-01" in check.trouble("cpu")
