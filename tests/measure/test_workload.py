"""A workload: seeded, rotating batches, and outputs that are checked by name and shape."""

import pytest
import torch
from torch import nn

import tests.toy  # noqa: F401 - registers the device
from rnnbench.errors import Diverged, UnknownName
from rnnbench.measure.outcome import status_of
from rnnbench.measure.workload import output_of
from rnnbench.variants import VARIANTS, variant
from tests.measure.parts import workload


class Returns(nn.Module):
    """One weight, and an output made from the input by a test."""

    def __init__(self, make) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.make = make

    def forward(self, x):
        return self.make(x * self.weight)


@pytest.fixture
def returning(monkeypatch):
    """Registers a variant `odd` whose output is made by a function of x · weight."""

    def register(make) -> str:
        monkeypatch.setattr(VARIANTS, "_found", dict(VARIANTS.all()))
        variant(source="this test", name="odd")(lambda case: Returns(make))
        return "odd"

    return register


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda x: x[0], r"variant 'odd' returned shape \(2, 8\), wanted \(seq_len 3, batch_size 2, features\)"),
        (lambda x: x.transpose(0, 1), r"variant 'odd' returned shape \(2, 3, 8\), wanted \(seq_len 3, batch_size 2, features\)"),
        (lambda x: x[:2], r"variant 'odd' returned shape \(2, 2, 8\), wanted \(seq_len 3"),
        (lambda x: x.unsqueeze(0), r"variant 'odd' returned shape \(1, 3, 2, 8\)"),
    ],
)
def test_an_output_of_another_shape_is_told(make, told, returning):
    """A variant that returns another shape is refused with its name, its shape and the one wanted."""
    with workload(variant=returning(make)) as work:
        work.step()
        with pytest.raises(ValueError, match=told):
            work.check()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("phase", ["forward", "train"])
def test_an_output_that_is_no_number_has_diverged(bad, phase, returning):
    """NaN or infinity in an output is told with the variant's name and shape and becomes the status `diverged`."""
    with workload(variant=returning(lambda x: x * bad), phase=phase) as work:
        work.step()
        with pytest.raises(Diverged, match=r"the output of 'odd', shape \(3, 2, 8\), holds NaN or infinity") as caught:
            work.check()
    assert status_of(caught.value)[0] == "diverged"


def test_an_output_on_another_device_is_told(returning):
    """A variant that brings its output back to the host is refused with both devices."""
    with workload(variant=returning(lambda x: x.cpu()), device="toy", phase="forward") as work:
        work.step()
        with pytest.raises(ValueError, match="variant 'odd' returned a tensor on cpu, the case runs on toy"):
            work.check()


@pytest.mark.parametrize("result", [None, 3, (), {"output": 1}, [1, 2]])
def test_an_output_that_is_no_tensor_is_told(result):
    """Anything but a tensor, or a tuple that starts with one, is refused with its type."""
    with pytest.raises(TypeError, match="a variant must return a tensor, or a tuple that starts with one, not"):
        output_of(result)


def test_the_output_is_the_first_of_a_tuple():
    """torch's own modules return the output beside the state."""
    x = torch.ones(1)
    assert output_of((x, None)) is output_of(x) is x


def test_batches_take_turns():
    """Consecutive steps see different data, and after the last batch comes the first."""
    with workload(phase="forward") as work:
        count = len(work._batches)
        seen = []
        for _ in range(2 * count):
            work.step()
            seen.append(work.x)
        assert count > 1
        assert all(a is b for a, b in zip(seen[:count], seen[count:], strict=True))
        assert not any(torch.equal(a, b) for i, a in enumerate(seen[:count]) for b in seen[:i])


def test_the_seed_decides_weights_and_data():
    """Equal seeds give equal weights, inputs and targets, whatever ran before; another seed gives others."""

    def made(seed: int) -> list[torch.Tensor]:
        torch.rand(seed + 3)
        with workload(seed=seed) as work:
            return [*work.model.parameters(), *(tensor for pair in work._batches for tensor in pair)]

    first, again, other = made(0), made(0), made(1)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_devices_start_from_the_same_numbers():
    """The weights and the data of a case are the same on every device: they are drawn on the CPU and moved."""
    with workload(device="cpu") as here, workload(device="toy") as there:
        mine, theirs = [*here.model.parameters(), here.x, here.target], [*there.model.parameters(), there.x, there.target]
        assert {tensor.device.type for tensor in theirs} == {"toy"}
        assert all(torch.equal(a, b.cpu()) for a, b in zip(mine, theirs, strict=True))


@pytest.mark.parametrize("phase", ["forward", "backward", "train"])
def test_devices_compute_the_same(phase):
    """The output of a few steps on an accelerator equals the CPU's."""
    fields = {"phase": phase, "clip_norm": 0.1 if phase == "train" else None, "depth": 2}
    with workload(device="cpu", **fields) as here, workload(device="toy", **fields) as there:
        for _ in range(3):
            here.step()
            there.step()
        torch.testing.assert_close(there.output.detach().cpu(), here.output.detach())


def test_an_unknown_task_is_named():
    """A task that there is not is quoted with those that are."""
    with pytest.raises(UnknownName, match="unknown task 'randon'; choose from: random"), workload(task="randon"):
        pass
