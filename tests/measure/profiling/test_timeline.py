"""What a step holds while it runs, by category."""

import pytest

import tests.toy  # noqa: F401 - registers the device
from rnnbench.measure.profiling.timeline import timeline
from rnnbench.reports.draw.memory_chart import held
from tests.measure.parts import workload


@pytest.mark.parametrize("device", ["cpu", "toy"])
def test_the_timeline_agrees_with_the_record(device):
    """Weights, moments and gradients are the record's to the byte; before backward the activations are at least what autograd keeps."""
    with workload(device=device, implementation="loop", depth=2, seq_len=6) as work:
        work.step()
        metrics = {}
        work.weigh(metrics, {})
        found = timeline(work)
    table = [dict(zip(("at", *found["categories"]), row, strict=True)) for row in found["rows"]]
    parts = {name: start for start, name in found["marks"]}
    backward = [row for row in table if row["at"] <= parts["backward"]][-1]
    assert {row["parameters"] for row in table} == {metrics["parameter_bytes"]}
    assert backward["gradients"] == 0
    assert backward["activations"] >= metrics["activation_bytes"] - sum(one.nbytes for one in work.batch_tensors())
    assert table[-1]["gradients"] == metrics["gradient_bytes"]
    assert table[-1]["activations"] < backward["activations"]
    assert table[-1]["optimizer"] == metrics["optimizer_bytes"]
    assert list(parts) == ["zero_grad", "forward", "loss", "backward", "optimizer"]


def test_the_picture_says_when_memory_is_highest():
    """The peak, the part of the step that it is in, and what it is made of; a forward pass has no picture."""
    memory = {
        "categories": ("parameters", "activations"),
        "marks": [[0, "forward"], [4, "backward"]],
        "rows": [[2, 1024, 512], [6, 1024, 2048]],
    }
    panel = held(memory, "m")
    assert panel.description == "Memory of a step, at most 3.00 KiB in backward: parameters 1.00 KiB, activations 2.00 KiB."
    assert held({}, "m") is None
    with workload(phase="forward") as work:
        assert timeline(work) == {}
