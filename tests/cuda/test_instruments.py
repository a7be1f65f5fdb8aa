"""What NVML, events and ceilings say of a GPU."""

import time
from functools import partial

import pytest
import torch

from rnnbench.budget import Budget
from rnnbench.device import ceilings
from rnnbench.device.devices import Device
from rnnbench.device.gpu_watch import SHORTEST_WINDOW_S, GpuWatch
from rnnbench.device.nvml import Absent, Gpu
from rnnbench.measure.measuring import measure_case
from rnnbench.measure.probes import kernels
from rnnbench.measure.profiling.timeline import snapshot
from tests.cuda.test_gpu import BIG, needs_tf32
from tests.measure.parts import rounds, workload
from tests.tools import small_case


def test_nvml_and_cuda_mean_the_same_gpu():
    """The GPU that NVML watches has the name that CUDA gives the device."""
    device = Device("cuda")
    assert Gpu(device.index, device.uuid()).name() == torch.cuda.get_device_name(0)


def test_a_span_lies_within_the_wall_clock():
    """By its own events the GPU takes no longer than the clock."""
    with workload(**BIG) as work:
        work.step()
        span = work.device.span(work.step)
    assert 0 < span.device_s <= span.wall_s


@pytest.mark.usefixtures("real_gpu")
def test_work_takes_more_power_than_idling():
    """Energy grows with work: two seconds of products draw more than two seconds of nothing."""
    device, x = Device("cuda"), torch.randn(4096, 4096, device="cuda")
    try:
        Gpu(device.index, device.uuid()).energy_j()
    except Absent as error:
        pytest.skip(f"this GPU counts no energy: {error}")

    def watts(work) -> float:
        watch, end_s = GpuWatch(partial(Gpu, device.index, device.uuid())), time.monotonic() + SHORTEST_WINDOW_S + 0.2
        while time.monotonic() < end_s:
            work()
        torch.cuda.synchronize()
        return watch.stop().metrics["mean_power_w"]

    idle = watts(lambda: time.sleep(0.05))

    def busy() -> None:
        for _ in range(20):
            x @ x
        torch.cuda.synchronize()

    assert watts(busy) > 1.2 * idle


@pytest.mark.usefixtures("real_gpu")
def test_tf32_products_are_faster_than_fp32s():
    """The ceiling of TF32 lies above that of IEEE fp32: tensor cores are in use."""
    needs_tf32()
    found = ceilings.measure("cuda")
    assert found.flops_per_s["tf32"] > 1.5 * found.flops_per_s["fp32"]
    assert found.flops_per_s["bf16"] > found.flops_per_s["tf32"]


def test_a_record_has_device_time_and_clocks_or_their_reasons():
    """Every figure of a GPU's instruments is in the record, or absent with a reason."""
    seen = measure_case(small_case(phase="train", **BIG), Budget(max_time_s=0.2, precision=0.5), rounds(5))
    assert 0 < seen.metrics["kernel_time_s"] <= 1.1 * seen.metrics["device_time_s"]
    assert 0 <= seen.metrics["device_wait_share"] < 1
    assert 0 < seen.metrics["forward_device_s"] <= 1.1 * seen.metrics["device_time_s"]
    for name in ("sm_clock_hz", "temperature_celsius", "mean_power_w", "throttled_share"):
        assert name in seen.metrics or seen.absent[name]


def test_launches_are_counted_alike_each_time():
    """A train step launches the same kernels each time, and no fewer than one for each part."""
    with workload(**BIG) as work:
        work.step()
        first, second = (kernels.launched(work.step, work.device).kernels for _ in range(2))
    assert first == second > 10


def test_what_a_step_holds_has_a_history(tmp_path):
    """The allocator's history of a step is written for torch's own viewer."""
    with workload(**BIG) as work:
        work.step()
        assert snapshot(work, tmp_path / "step.pickle.gz")
    assert (tmp_path / "step.pickle.gz").stat().st_size > 0
