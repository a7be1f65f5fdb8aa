"""What only a GPU can show."""

import time

import pytest
import torch

from rnnbench.budget import Budget
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import in_format
from rnnbench.measure.measuring import measure_case
from rnnbench.measure.probes import memory
from rnnbench.record import MEMORY, Record
from tests.cuda.conftest import on_standin
from tests.measure.parts import rounds, workload
from tests.suites.test_grids import NAMES
from tests.tools import command, only_run, small_case

BUDGET = Budget(max_time_s=0.2, precision=0.5)
BIG = {"hidden_size": 512, "input_size": 512, "batch_size": 32, "seq_len": 64, "depth": 2, "device": "cuda"}


def needs_tf32() -> None:
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("TF32 needs compute capability 8.0")


def test_time_on_the_device_is_within_the_time_on_the_clock():
    """The GPU's own events show no more time for a step than the synchronised clock does: no work escapes it."""
    with workload(**BIG) as work:
        clock = Clock(work.device)
        for _ in range(5):
            work.step()
        for _ in range(5):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            before = clock()
            start.record()
            work.step()
            end.record()
            wall_s = clock() - before
            assert 0 < start.elapsed_time(end) / 1e3 <= wall_s


@pytest.mark.usefixtures("real_gpu")
def test_the_clock_waits_for_a_long_kernel():
    """A reading after work was launched comes when it is done: a clock without synchronisation reads less."""
    x = torch.randn(8192, 8192, device="cuda")
    clock = Clock(Device("cuda"))
    x @ x
    start_s, raw_s = clock(), time.perf_counter()
    for _ in range(10):
        x @ x
    raw_s = time.perf_counter() - raw_s
    assert clock() - start_s > 2 * raw_s


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_peak_memory_holds_what_is_counted(precision):
    """The allocator's peak is at least the weights, gradients, optimizer state and activations that were counted exactly."""
    seen = measure_case(small_case(precision=precision, **BIG), BUDGET, rounds(5))
    assert seen.metrics["peak_allocated_bytes"] >= sum(seen.metrics[name] for name in MEMORY)
    assert seen.metrics["peak_reserved_bytes"] >= seen.metrics["peak_allocated_bytes"]


def test_activations_are_counted_on_a_gpu_too():
    """cuDNN keeps its reserve through autograd: more time steps keep more bytes, and the count repeats exactly."""
    counts = []
    for seq_len in (16, 32, 32):
        with workload(**{**BIG, "seq_len": seq_len}, phase="backward") as work:
            counts.append(memory.activation_bytes(work.forward, work.model))
    assert counts[0] < counts[1] == counts[2]


@pytest.mark.usefixtures("real_gpu")
@pytest.mark.parametrize("variant", ["elman", "lstm", "gru"])
def test_fp32_is_nearer_to_the_truth_than_tf32(variant):
    """fp32 products are IEEE: against double precision they err far less than TF32's, in cuDNN's recurrent networks too."""
    needs_tf32()
    outputs = {}
    for precision in ("fp32", "tf32"):
        with workload(variant=variant, precision=precision, phase="forward", **BIG) as work:
            work.step()
            outputs[precision] = work.output.double()
            with torch.no_grad():
                truth = work.model.double()(work.x.double())[0]
    errors = {name: float((output - truth).abs().max()) for name, output in outputs.items()}
    assert errors["fp32"] < errors["tf32"] / 10


def test_settings_of_the_process_are_given_back():
    """After each format the process computes as it did before."""
    needs_tf32()
    before = (torch.backends.cuda.matmul.fp32_precision, torch.backends.cudnn.rnn.fp32_precision)
    for name in ("tf32", "fp32", "bf16"):
        with in_format(name, Device("cuda")):
            pass
    assert (torch.backends.cuda.matmul.fp32_precision, torch.backends.cudnn.rnn.fp32_precision) == before


@pytest.mark.parametrize("variant", ["elman", "lstm", "gru"])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_lower_precisions_train(variant, precision):
    """A clipped train step in a lower precision brings finite losses, weights in fp32, and a gradient as short as clipping says."""
    with workload(variant=variant, precision=precision, clip_norm=0.01, **BIG) as work:
        for _ in range(20):
            work.step()
        work.check()
        norm = torch.sqrt(sum((p.grad.double() ** 2).sum() for p in work.train.parameters))
        assert float(norm) <= 0.01 * 1.001
        assert {p.dtype for p in work.train.parameters} == {torch.float32}


@pytest.mark.parametrize("variant", ["elman", "elman_relu", "lstm", "gru"])
@pytest.mark.parametrize("way", ["loop", "cell"])
def test_implementations_agree_on_a_gpu(variant, way):
    """In fp32 a loop and cuDNN's fused kernel give the same outputs and losses from the same weights."""
    outputs = []
    for implementation in ("fused", way):
        with workload(small_case(variant=variant, implementation=implementation, depth=2, bidirectional=True, device="cuda")) as work:
            work.step()
            outputs.append(work.output.detach())
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-4, atol=1e-5)


def test_a_case_too_large_for_the_gpu_is_a_row(tmp_path):
    """A case beyond the GPU's memory, and not the host's, is recorded as `oom`, and the next case is measured."""
    axes = ("--set", "variant=lstm", "--set", "phase=forward", "--set", "precision=fp32", "--set", "depth=1")
    wide = 4096  # 8 inputs a step need 1 GB here, 4,096 outputs a step 550 GB there
    sizes = ("--set", "hidden_size=4096", "--set", "input_size=8", "--set", f"batch_size={wide},1", "--set", "seq_len=8192")
    done = command("run", "--suite", "depth", "--device", "cuda", "--preset", "quick", *axes, *sizes, "--no-report", "--json", cwd=tmp_path)
    assert [row["status"] for row in done.told["records"]] == ["oom", "ok"]


@pytest.mark.parametrize("name", NAMES)
def test_every_suite_runs_on_a_gpu(name, tmp_path):
    """Each case of a suite's quick preset is measured on the GPU, or is unsupported with a reason."""
    words = ("--preset", "quick", "--case-budget", "0.02", "--isolation", "suite", "--no-report", "--json")
    done = command("run", "--suite", name, "--device", "cuda", *words, cwd=tmp_path)
    _, run = only_run(tmp_path / "results")
    bad = {str(one.case): one.reason for one in run.records if one.status not in ("ok", "unsupported") and not explained(one)}
    assert not bad, done.err
    assert len(run.records) == len(run.planned) > 0
    assert all(one.reason for one in run.records if one.status == "unsupported")
    assert run.machine["gpus"][0]["name"]


def explained(record: Record) -> bool:
    """Whether the stand-in is why a case was not measured: Triton's kernels and a graph's replay give no values there."""
    return on_standin() and record.status == "diverged" and record.case.execution != "eager"
