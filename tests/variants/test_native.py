"""C++ steps of the LayerNorm LSTM on a CPU: the same network, and the plain form where nothing compiles them."""

import shutil

import pytest
import torch

from rnnbench.variants import native
from tests.variants.parts import built, input_for, outcome

FIELDS = {"depth": 2, "hidden_size": 37, "input_size": 19, "batch_size": 5, "seq_len": 23}
LOW = {None: 1e-5, torch.bfloat16: 0.03}  # of a result's norm


@pytest.fixture
def steps():
    """The compiled steps; skipped where no compiler is."""
    if not any(shutil.which(name) for name in native.COMPILERS):
        pytest.skip(f"needs a C++ compiler: one of {', '.join(native.COMPILERS)}")
    assert native.library() is not None


@pytest.fixture
def uncompiled(monkeypatch, tmp_path):
    """A fresh cache, so that a test finds nothing that was compiled before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    native.library.cache_clear()
    yield tmp_path
    native.library.cache_clear()


@pytest.mark.parametrize("precision", LOW)
@pytest.mark.parametrize("fields", [FIELDS, {"hidden_size": 1, "input_size": 1, "batch_size": 1, "seq_len": 1}], ids=str)
def test_compiled_steps_compute_the_formula(steps, precision, fields):
    """The output and every gradient are near those of the loop in double precision."""
    model, x = built("ln_lstm", "fused", fields, dtype=torch.float32), input_for(fields, torch.float32)
    exact = outcome(built("ln_lstm", "loop", fields, dtype=torch.float32).double(), x.double())
    found = outcome(model, x, precision)
    assert {layer.ran for layer in model} == {"native"}
    for a, b in zip(exact, found, strict=True):
        assert (a - b).norm() <= LOW[precision] * max(float(a.norm()), 1e-2)


def test_activations_driven_to_their_ends_stay_finite(steps):
    """Inputs of thousands give neither infinity nor NaN, forwards or backwards."""
    for found in outcome(built("ln_lstm", "fused", FIELDS, dtype=torch.float32), 1e3 * input_for(FIELDS, torch.float32)):
        assert torch.isfinite(found).all()


def test_a_nan_is_not_hidden(steps):
    """A NaN in the input reaches every later output of its sequence, so that divergence is seen."""
    x = input_for(FIELDS, torch.float32)
    x[3, 1] = torch.nan
    y = built("ln_lstm", "fused", FIELDS, dtype=torch.float32)(x)
    assert torch.isfinite(y[:3]).all()
    assert torch.isnan(y[3:, 1]).all()
    assert torch.isfinite(y[:, 0]).all()


def test_inference_gives_the_outputs_of_training(steps):
    """Without gradients the outputs are the same, bit for bit."""
    model, x = built("ln_lstm", "fused", FIELDS, dtype=torch.float32), input_for(FIELDS, torch.float32)
    with torch.no_grad():
        plain = model(x)
    assert torch.equal(plain, model(x))


@pytest.mark.parametrize("compiler", ["", "false"])
def test_without_a_compiler_the_plain_form_runs(uncompiled, monkeypatch, compiler):
    """Where there is no compiler, or it fails, `fused` is the plain form, says so, and computes the same."""
    monkeypatch.setattr(native, "COMPILERS", ())
    monkeypatch.setenv("CXX", compiler)
    model, x = built("ln_lstm", "fused", FIELDS, dtype=torch.float32), input_for(FIELDS, torch.float32)
    exact, found = outcome(built("ln_lstm", "loop", FIELDS, dtype=torch.float32).double(), x.double()), outcome(model, x)
    assert {layer.ran for layer in model} == {"fused"}
    assert all((a - b).norm() <= 1e-5 * max(float(a.norm()), 1e-2) for a, b in zip(exact, found, strict=True))
    assert list(uncompiled.rglob("*.so")) == []


def test_steps_are_compiled_once(steps, uncompiled):
    """The second look-up in a fresh process would find the file that the first one made."""
    assert native.library() is not None
    (made,) = uncompiled.rglob("*.so")
    before = made.stat().st_mtime_ns
    native.library.cache_clear()
    assert native.library() is not None
    assert made.stat().st_mtime_ns == before


def test_double_precision_runs_the_plain_form():
    """Compiled steps are of fp32 only."""
    model = built("ln_lstm", "fused", FIELDS)
    model(input_for(FIELDS))
    assert {layer.ran for layer in model} == {"fused"}
