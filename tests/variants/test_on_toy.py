"""Every recurrent variant, implementation and phase on the test accelerator: none leaves a tensor on the CPU."""

import pytest

import tests.toy  # noqa: F401 - registers the device
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import FORMATS
from rnnbench.measure.workload import Workload
from tests.tools import small_case
from tests.variants.parts import EVERY


@pytest.mark.parametrize(("name", "way"), EVERY)
@pytest.mark.parametrize(("phase", "precision"), [("forward", "fp32"), ("backward", "bf16"), ("train", "fp16")])
def test_it_runs_there(name, way, phase, precision):
    """One step of each phase, each in a precision of its own, gives finite numbers on the device."""
    device = Device("toy")
    fields = {"variant": name, "implementation": way, "phase": phase, "precision": precision, "device": "toy", "depth": 2}
    work = Workload(small_case(**fields, bidirectional=True), device, FORMATS[precision], Clock(device))
    work.step()
    work.check()
