"""What rnnbench asks of CUDA's libraries, read from the stand-in's log. Each docstring states one fact."""

from collections import Counter

import pytest

from tests.standin.support import bench, calls, one_case, python
from tests.tools import only_run

# the descriptor that cuDNN gets for a fused network: type of weights and data, type of the arithmetic, math type
DESCRIPTORS = {
    "fp32": ("fp32", "fp32", "fma"),
    "tf32": ("fp32", "fp32", "default"),
    "fp16": ("fp16", "fp32", "tensor_op"),
    "bf16": ("bf16", "fp32", "default"),
    "pure_bf16": ("bf16", "fp32", "default"),
}

OF_THE_REFERENCE = 10  # passes of the fp32 form with which outputs and gradients are compared, once per case


def passes(log) -> Counter[tuple[str, str, str]]:
    return Counter((one.details["type"], one.details["precision"], one.details["math"]) for one in calls(log, "rnn"))


@pytest.mark.parametrize("variant", ["elman", "lstm", "gru"])
@pytest.mark.parametrize("precision", DESCRIPTORS)
def test_cudnn_gets_the_precision(precision, variant, tmp_path):
    """The descriptor of a fused network has the data type, the arithmetic and the math type that the precision promises."""
    done = bench(
        "run", "--suite", "depth", "--device", "cuda", *one_case(precision=precision, variant=variant), cwd=tmp_path, log=tmp_path / "log"
    )
    assert [row["status"] for row in done.told["records"]] == ["ok"], done.err
    seen = passes(tmp_path / "log")
    reference = DESCRIPTORS["fp32"]
    assert set(seen) <= {DESCRIPTORS[precision], reference}
    assert seen[DESCRIPTORS[precision]] > 10
    assert precision == "fp32" or seen[reference] <= OF_THE_REFERENCE
    _, run = only_run(tmp_path / "results")
    given = {"fp32": "float32", "tf32": "float32", "fp16": "float16"}.get(precision, "bfloat16")
    assert f"_cudnn_rnn {given}" in run.records[0].types


def test_bf16_learns_as_fp32_does(tmp_path):
    """A fused network in bf16 has fp32 weights and gradients, and its gradients are fp32's but for bf16's rounding."""
    script = """
import torch
from tests.measure.parts import workload
found = {}
for precision in ("fp32", "bf16"):
    with workload(device="cuda", variant="lstm", precision=precision, depth=2, bidirectional=True, phase="backward") as work:
        work.step()
        found[precision] = [p.grad.cpu().clone() for p in work.model.parameters()]
        assert {p.dtype for p in work.model.parameters()} == {g.dtype for g in found[precision]} == {torch.float32}
print(max(float((a - b).norm() / a.norm()) for a, b in zip(found["fp32"], found["bf16"])))
"""
    assert 0 < float(python(script, cwd=tmp_path, values=True).splitlines()[-1]) < 0.05


def test_a_captured_step_holds_kernels_and_is_replayed(tmp_path):
    """Under CUDA graphs a step is captured once with its kernels, and each timed round replays that graph."""
    words = one_case(execution="cudagraph")
    done = bench("run", "--suite", "depth", "--device", "cuda", *words, cwd=tmp_path, log=tmp_path / "log")
    (row,) = done.told["records"]
    assert row["status"] == "ok", row
    captured = [one.details["graph"] for one in calls(tmp_path / "log", "captured") if one.details["kernel"] == "1"]
    replays = [int(one.details["nodes"]) for one in calls(tmp_path / "log", "graph launched")]
    assert len(set(captured)) == 1
    assert len(captured) > 10
    assert set(replays) == {int(calls(tmp_path / "log", "capture ends")[0].details["nodes"])}
    assert len(replays) >= row["metrics"]["rounds"]
    assert 0 < row["metrics"]["graph_pool_bytes"] <= row["metrics"]["peak_reserved_bytes"]
    _, run = only_run(tmp_path / "results")
    assert "CUDA graph" in run.records[0].absent["peak_allocated_bytes"]


def test_launches_are_those_of_the_log(tmp_path):
    """The profiler's count of a step's kernels is the number of launches in the log."""
    script = """
from tests.measure.parts import workload
from rnnbench.measure.probes import kernels
import ctypes
with workload(device="cuda", variant="lstm") as work:
    for _ in range(3): work.step()
    counted = kernels.launched(work.step, work.device).kernels
    work.device.synchronize()
    log = ctypes.CDLL("libcudart.so.13").standin_log
    log(b"mark", b"%s", b"")
    work.step()
    work.device.synchronize()
    log(b"mark", b"%s", b"")
print(counted)
"""
    counted = int(python(script, cwd=tmp_path, log=tmp_path / "log").splitlines()[-1])
    names = [one.name for one in calls(tmp_path / "log", "mark", "launch")]
    first = names.index("mark")
    assert counted == names[first + 1 :].index("mark") > 10


def test_a_step_never_waits(tmp_path):
    """A train step without loss scaling is launched without one synchronisation; the clock's reads have two."""
    script = """
from tests.measure.parts import workload
from rnnbench.device.devices import Clock
import ctypes
with workload(device="cuda", variant="lstm", clip_norm=1.0) as work:
    for _ in range(3): work.step()
    clock = Clock(work.device)
    log = ctypes.CDLL("libcudart.so.13").standin_log
    log(b"mark", b"%s", b"")
    work.step()
    log(b"mark", b"%s", b"")
    clock()
    work.step()
    clock()
    log(b"mark", b"%s", b"")
"""
    python(script, cwd=tmp_path, log=tmp_path / "log")
    names = [one.name for one in calls(tmp_path / "log")]
    one, two, three = (at for at, name in enumerate(names) if name == "mark")
    waits = {"cudaDeviceSynchronize", "cudaStreamSynchronize", "cudaEventSynchronize", "cudaMemcpy"}
    assert not waits & set(names[one:two])
    assert [name for name in names[two:three] if name in waits] == ["cudaDeviceSynchronize"] * 2


def test_the_fork_server_never_touches_cuda(tmp_path):
    """Every case's process uses CUDA and the process that forks them does not, so that no child inherits a broken context."""
    words = one_case(precision="fp32,tf32")
    done = bench("run", "--suite", "depth", "--device", "cuda", *words, cwd=tmp_path, log=tmp_path / "log")
    assert [row["status"] for row in done.told["records"]] == ["ok", "ok"]
    launching = {one.process for one in calls(tmp_path / "log", "launch")}
    assert len(launching) >= 2
    _, run = only_run(tmp_path / "results")
    assert run.machine["gpus"][0]["name"] == "Stand-in 0"
