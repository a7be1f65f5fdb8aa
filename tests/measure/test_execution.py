"""How a model is run: compiled gives what eager gives, and what cannot be says so before any compute."""

import shutil
import sys

import pytest
import torch

import tests.toy  # noqa: F401 - registers the device
from rnnbench.errors import Unsupported
from rnnbench.measure import execution
from rnnbench.measure.devices import Clock, Device
from tests.measure.parts import workload
from tests.tools import ROOT, ended

CPU = Clock(Device("cpu"))


class LoweringException(Exception):
    """As the compiler raises."""


LoweringException.__module__ = "torch._inductor.exc"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"execution": "cudagraph"}, "CUDA graphs need CUDA; the case runs on cpu"),
        ({"execution": "cudagraph", "device": "toy"}, "CUDA graphs need CUDA; the case runs on toy"),
        ({"execution": "compile", "device": "toy"}, "torch.compile makes code for cpu, cuda, xpu; not for toy"),
    ],
)
def test_what_a_device_cannot_is_unsupported(fields, why):
    """The reason names the device."""
    with pytest.raises(Unsupported, match=why), workload(**fields):
        pass


def test_a_compiler_that_fails_is_unsupported_with_its_reason():
    """What the compiler raises is told; what the model raises stays what it is."""

    def fail(error):
        raise error

    with pytest.raises(Unsupported, match=r"torch.compile failed: no g\+\+ on this machine"):
        execution.compile_seconds(lambda: fail(LoweringException("no g++\non this machine\nTraceback")), CPU)
    with pytest.raises(ValueError, match="mine"):
        execution.compile_seconds(lambda: fail(ValueError("mine")), CPU)


def test_compile_time_is_the_first_call_less_a_steady_one(monkeypatch):
    """Two further calls tell what a steady one takes; the better of them counts."""
    ticks = iter([0.0, 5.0, 5.0, 6.0, 6.0, 6.5])
    assert execution.compile_seconds(lambda: None, lambda: next(ticks)) == pytest.approx(4.5)


def test_an_unrolled_network_compiles_its_step_and_not_the_loop(monkeypatch):
    """torch.compile is given the cell of an unrolled network, the step of a layer, and any other module whole."""
    given = []
    monkeypatch.setattr(torch, "compile", lambda what, dynamic: given.append(what) or what)
    for variant, way, wanted in (("lstm", "loop", "written_out"), ("min_gru", "hoisted", "recur"), ("min_gru", "loop", "step")):
        with workload(variant=variant, implementation=way, execution="compile", depth=1):
            assert [one.__name__ for one in given] == [wanted]
        given.clear()
    with workload(variant="transformer", execution="compile") as work:
        assert given == [work.model]


COMPARE = """
import torch
from tests.measure.parts import workload
outputs = []
for chosen in ("eager", "compile"):
    with workload(variant="gru", implementation="cell", phase="forward", execution=chosen) as work:
        work.x, _ = work._batches[0]  # compiling took turns
        work.forward()
        outputs.append(work.output)
        metrics = {}
        work.weigh(metrics, {})
        assert ("compile_s" in metrics) is (chosen == "compile")
torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-5, atol=1e-6)
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++ on a CPU")
def test_compiled_gives_what_eager_gives():
    """On equal weights and inputs, by the real compiler, with its time as a metric; without the toy, which dynamo trips over."""
    done = ended(sys.executable, "-c", COMPARE, cwd=ROOT)
    assert done.code == 0, done.err
