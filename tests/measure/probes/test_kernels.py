"""Which events of a profile are a device's work."""

from types import SimpleNamespace

import pytest
import torch

from rnnbench.measure.probes.kernels import of_device

CPU, CUDA = torch.autograd.DeviceType.CPU, torch.autograd.DeviceType.CUDA


def event(name: str, device, **marks):
    return SimpleNamespace(name=name, device_type=device, **marks)


@pytest.mark.parametrize("marked", [True, False])
def test_named_ranges_are_no_work_of_the_device(marked):
    """The profiler repeats the host's ranges on the device; a torch that does not mark them there is read by their names."""
    marks = {"is_user_annotation": True} if marked else {}
    seen = [event("forward", CPU, is_user_annotation=True), event("forward", CUDA, **marks), event("sgemm", CUDA)]
    assert [one.name for one in of_device(SimpleNamespace(events=lambda: seen))] == ["sgemm"]


def test_a_kernel_may_have_the_name_of_a_range():
    """A Triton kernel called `forward` is work, although the step marks its forward pass as `forward`."""
    seen = [event("forward", CPU, is_user_annotation=True), event("forward", CUDA, is_user_annotation=False)]
    assert [one.name for one in of_device(SimpleNamespace(events=lambda: seen))] == ["forward"]
