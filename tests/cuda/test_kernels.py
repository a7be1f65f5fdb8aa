"""Triton kernels where they are meant to run."""

import pytest
import torch

from rnnbench.measure.network import forms_run
from rnnbench.measure.workload import output_of
from rnnbench.variants import VARIANTS, kernels
from tests.variants.parts import built, input_for

FIELDS = {"device": "cuda", "hidden_size": 192, "input_size": 100, "batch_size": 7, "seq_len": 200, "bidirectional": True}
NAMES = sorted(name for name, one in VARIANTS.all().items() if "triton" in one.implementations)
EXPLODING = ("ln_lstm", "res_ln_lstm")  # over 200 steps rounding to 16 bits alone changes the loop's gradients by as much as they are
AT_A_KINK = {"min_gru": 5e-3}
STEPWISE = ("ln_lstm", "ln_lstm_gates", "slstm")
TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 0.12, torch.float16: 0.02}  # of a result's norm


@pytest.fixture(autouse=True)
def triton():
    """Skips where kernels cannot run, and says why."""
    if why := kernels.held_back(torch.device("cuda", torch.cuda.current_device())):
        pytest.skip(why)


def results(name: str, way: str, dtype: torch.dtype, device: str, fields: dict) -> list[torch.Tensor]:
    """Output and gradients from weights, inputs and a gradient of the output that `dtype` holds; the loop computes in float64."""
    model, x = built(name, way, fields, dtype=dtype).to(device), input_for(fields, dtype).to(device)
    if way == "loop":
        model, x = model.double(), x.double()
    x.requires_grad_()
    output = output_of(model(x))
    towards = torch.sin(torch.arange(output.numel(), dtype=torch.float64)).view(output.shape).to(dtype)
    output.backward(towards.to(output))
    return [output.detach(), x.grad, *(p.grad for p in model.parameters())]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_kernels_compute_the_formula(name, dtype):
    """In each format the output and every gradient stay within the stated share, in norm, of the loop in float64.

    A rounded input that falls on the other side of minGRU's kink has another gradient: the loop in fp32 then errs by 2e-3 itself.
    """
    fields = {**FIELDS, "seq_len": 25} if name in EXPLODING and dtype != torch.float32 else FIELDS
    exact, found = results(name, "loop", dtype, "cpu", fields), results(name, "triton", dtype, "cuda", fields)
    share = max(TOLERANCES[dtype], AT_A_KINK.get(name, 0.0))
    for truth, kernel in zip(exact, found, strict=True):
        assert float((kernel.cpu().double() - truth).norm()) <= share * float(truth.norm().clamp(min=1e-6))


@pytest.mark.parametrize("name", NAMES)
def test_fused_runs_the_kernels_and_says_so(name):
    """On a GPU that runs kernels `fused` is the kernels, in every layer, and the note names what compiled them."""
    model = built(name, "fused", FIELDS, dtype=torch.float32).cuda()
    model(input_for(FIELDS, torch.float32).cuda())
    assert [note.split(", ")[0] for note in forms_run(model)] == ["fused ran as triton in 2 of 2 layers"]


@pytest.mark.parametrize("name", STEPWISE)
def test_a_step_takes_at_most_three_launches_each_way(name):
    """Forward and backward together, the profiler sees at most six kernels and copies for each step more: three each way."""
    counts = []
    for steps in (20, 40):
        fields = {**FIELDS, "seq_len": steps, "bidirectional": False}
        model, x = built(name, "triton", fields, dtype=torch.bfloat16).cuda(), input_for(fields, torch.bfloat16).cuda()
        model(x).sum().backward()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
            model(x).sum().backward()
            torch.cuda.synchronize()
        counts.append(sum(event.device_type == torch.autograd.DeviceType.CUDA for event in seen.events()))
    assert counts[1] - counts[0] <= 6 * 20


@pytest.mark.parametrize("name", ["min_gru", "ln_lstm"])
def test_kernels_can_be_captured(name):
    """A CUDA graph of a forward pass replays to the same output."""
    model, x = built(name, "triton", FIELDS, dtype=torch.float32).cuda(), input_for(FIELDS, torch.float32).cuda()
    with torch.no_grad():
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            wanted = model(x)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            captured = model(x)
        graph.replay()
    torch.testing.assert_close(captured, wanted)
