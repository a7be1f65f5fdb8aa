"""A GPU whose index is not 0. Each docstring states one fact."""

from tests.standin.support import bench, calls, one_case, python


def test_a_graph_is_captured_on_its_own_device(tmp_path):
    """On cuda:1 the capture, its kernels and its replays are cuda:1's, as every launch of the case is."""
    words = one_case(execution="cudagraph")
    log = tmp_path / "log"
    done = bench("run", "--suite", "depth", "--device", "cuda:1", *words, cwd=tmp_path, log=log, devices=2)
    (row,) = done.told["records"]
    assert row["status"] == "ok", row
    assert {one.details["device"] for one in calls(log, "capture begins", "capture ends", "graph launched")} == {"1"}
    assert [one for one in calls(log, "captured") if one.details["kernel"] == "1"]
    launched = calls(log, "launch")
    case = {one.process for one in calls(log, "graph launched")}
    assert {one.details["device"] for one in launched if one.process in case} == {"1"}


def test_an_empty_capture_is_a_failure(tmp_path):
    """A capture that holds no kernel raises, rather than be replayed in microseconds."""
    script = """
import torch
from rnnbench.measure.execution import EmptyGraphError, Graph
x = torch.zeros(3, device="cuda:1")
try:
    Graph(lambda: x.add_(1), (x,))
    print("captured")
except EmptyGraphError as error:
    print(error)
with torch.cuda.device(1):
    Graph(lambda: x.add_(1), (x,))
print("fine")
"""
    first, second = python(script, cwd=tmp_path, devices=2).splitlines()[-2:]
    assert first.startswith("the capture holds no kernel")
    assert second == "fine"


def test_peaks_and_events_are_of_its_own_device(tmp_path):
    """Peak memory, free memory and events of a case on cuda:1 are that device's."""
    script = """
from rnnbench.device.devices import Device
from tests.measure.parts import workload
with workload(device="cuda:1", variant="lstm") as work:
    work.device.reset_peaks()
    span = work.device.span(work.step)
    print(work.device.peaks()["peak_allocated_bytes"] > 0, span.device_s > 0, Device("cuda:0").peaks()["peak_allocated_bytes"] == 0)
"""
    assert python(script, cwd=tmp_path, devices=2).splitlines()[-1] == "True True True"
