"""Real Kineto traces over the CUPTI stand-in. Each docstring states one fact."""

import json

from tests.standin.support import python

PROFILE = """
import json
from pathlib import Path
from rnnbench.measure.profiling.profiler import profile_case
from tests.tools import small_case
print(json.dumps(profile_case(small_case(device="cuda", variant="lstm", clip_norm=1.0), 3, Path("one.trace.json.gz"))))
"""
LAUNCHES = """
from rnnbench.device.devices import Device
from rnnbench.measure import instruments
from tests.measure.parts import workload
with workload(device="cuda") as work:
    work.step()
    seen = instruments.launches(Device("cuda"), work.step, 1.0)
print(sorted(seen.metrics), sorted(seen.absent), seen.absent.get("device_wait_share", ""))
"""


def test_kernels_are_kernels_and_the_backward_pass_has_its_part(tmp_path):
    """No range with a name counts as a kernel, gaps are seen, and what autograd's thread calls lies below `backward`."""
    found = json.loads(python(PROFILE, cwd=tmp_path, values=True).splitlines()[-1])
    names = {row["name"] for row in found["kernels"]}
    parts = {"step", "zero_grad", "forward", "loss", "backward", "clip", "optimizer"}
    assert "standin_RNNForward_lstm_fp32" in names
    assert not parts & names
    assert not [name for name in names if name.startswith(("Optimizer.", "aten::"))]
    assert found["gaps"]["count"] > 5
    (backward,) = (child for child in found["tree"]["children"] if child["name"] == "backward")
    below = json.dumps(backward)
    assert "CudnnRnnBackward" in below
    assert "no_kernels" not in found


def test_a_silent_cupti_is_absent_with_a_reason(tmp_path):
    """Where CUPTI gives no record, launches and the share of waiting are absent with that reason, and a profile says it."""
    out = python(LAUNCHES, cwd=tmp_path, fault="cupti").splitlines()[-1]
    assert out.startswith("[] ['device_wait_share', 'kernel_launches', 'kernel_time_s'] torch's profiler saw no kernel")
    found = json.loads(python(PROFILE, cwd=tmp_path, values=True, fault="cupti").splitlines()[-1])
    assert found["kernels"] == []
    assert found["no_kernels"].startswith("torch's profiler saw no kernel")
