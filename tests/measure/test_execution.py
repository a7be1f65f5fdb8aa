"""How a model is run: compiled gives what eager gives, and what cannot be says so before any compute."""

import shutil
import sys

import pytest
import torch

import tests.toy  # noqa: F401 - registers the device
from rnnbench.device.devices import Clock, Device
from rnnbench.errors import Unsupported
from rnnbench.measure import execution
from rnnbench.measure.network import network
from tests.measure.parts import workload
from tests.tools import ROOT, ended, small_case

CPU = Clock(Device("cpu"))


class LoweringException(Exception):
    """As the compiler raises."""


LoweringException.__module__ = "torch._inductor.exc"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"execution": "cudagraph"}, "CUDA graphs need CUDA; the case runs on cpu"),
        ({"execution": "cudagraph", "device": "toy"}, "CUDA graphs need CUDA; the case runs on toy"),
        ({"execution": "compile_reduce_overhead"}, "reduce-overhead is torch.compile with CUDA graphs; on cpu it changes nothing"),
        ({"execution": "compile", "device": "toy"}, "torch.compile supports cpu, cuda, xpu; not for toy"),
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
    monkeypatch.setattr(torch, "compile", lambda what, **how: given.append(what) or what)
    for variant, way, wanted in (("lstm", "loop", "written_out"), ("min_gru", "hoisted", "recur"), ("min_gru", "loop", "step")):
        execution.compiled(network(small_case(variant=variant, implementation=way)), "compile")
        assert [one.__name__ for one in given] == [wanted]
        given.clear()
    model = network(small_case(variant="transformer"))
    execution.compiled(model, "compile")
    assert given == [model]


@pytest.mark.parametrize(("chosen", "mode"), execution.MODES.items())
def test_each_execution_compiles_in_its_mode(chosen, mode, monkeypatch):
    """The mode of torch.compile is the one that the execution names."""
    asked = []
    monkeypatch.setattr(torch, "compile", lambda what, **how: asked.append(how) or what)
    execution.compiled(network(small_case()), chosen)
    assert asked == [{"dynamic": False, "mode": mode}]


def test_compile_rnn_needs_a_network_of_torchs():
    """Where nothing would differ from compile, compile_rnn is refused rather than measured twice."""
    for fields in ({"variant": "lstm", "implementation": "loop"}, {"variant": "transformer"}):
        with pytest.raises(Unsupported, match="choose compile"):
            execution.compiled(network(small_case(**fields)), "compile_rnn")


BREAKS = """
import torch
from rnnbench.device.devices import Clock, Device
from rnnbench.errors import Unsupported
from rnnbench.measure import execution
from tests.measure.parts import workload
def torn(x):
    y = x * 2
    torch._dynamo.graph_break()
    return y + 1
step = torch.compile(torn, backend="eager")
found = execution.compile_step(lambda: step(torch.ones(2)), Clock(Device("cpu")))
assert (found.graphs, found.breaks) == (2, 1), found
assert "graph_break" in found.why.lower().replace(" ", "_"), found.why
for name, layer in (("lstm", "LSTM"), ("gru", "GRU"), ("elman", "RNN"), ("drop_lstm", "LSTM")):
    try:
        with workload(variant=name, execution="compile"):
            raise SystemExit(f"a fused {name} was called compiled")
    except Unsupported as error:
        assert "torch.compile compiled nothing: " in str(error) and layer in str(error), error
"""


def test_graphs_and_breaks_are_counted():
    """Graphs and breaks are Dynamo's own count; a layer of torch's own, which it refuses, is unsupported with its reason."""
    done = ended(sys.executable, "-c", BREAKS, cwd=ROOT)
    assert done.code == 0, done.err


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
        assert ({"compile_s", "graphs", "graph_breaks"} <= metrics.keys()) is (chosen == "compile")
torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-5, atol=1e-6)
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++ on a CPU")
def test_compiled_gives_what_eager_gives():
    """On equal weights and inputs, by the real compiler, with its time as a metric; without the toy, which dynamo trips over."""
    done = ended(sys.executable, "-c", COMPARE, cwd=ROOT)
    assert done.code == 0, done.err
