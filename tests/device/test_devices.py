"""Devices and their clock: one face for all, and no reading before the device is done."""

import time

import pytest
import torch

import tests.toy  # noqa: F401 - registers the device
from rnnbench.device.devices import Clock, Device, available
from rnnbench.errors import NoSuchDevice
from tests.toy import StrictClock, watch


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "toy:1", "mps:7", "meta", "cpu:x", "", "cuda:-1", "xla", "cuda cuda", "é"])
def test_a_device_that_is_not_there_is_quoted(name):
    """A device that torch or this machine does not have is quoted, with those that are here."""
    with pytest.raises(NoSuchDevice) as caught:
        Device(name)
    assert f"device {name!r} not found; this machine has: cpu" in str(caught.value)
    assert "toy" in str(caught.value)


@pytest.mark.parametrize("name", ["cpu", "toy", "toy:0"])
def test_a_device_that_is_there_is_had(name):
    """Any device that torch knows by a module will do, with its index or without."""
    assert Device(name).torch == torch.device(name)


def test_every_device_that_is_offered_can_be_had():
    """What the message for an absent device lists can be asked for."""
    assert [Device(name).name for name in available()] == available()
    assert available()[0] == "cpu"


def test_the_clock_waits_for_the_device():
    """Every reading of the clock is preceded by a synchronisation, after which nothing is pending."""
    device = Device("toy")
    clock, x = Clock(device), torch.ones(4, device="toy")
    strict = StrictClock(time.perf_counter)
    with watch() as calls, pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "perf_counter", strict)
        for _ in range(3):
            x = x * 2
            clock()
        x = x * 2
        clock.pause()
        x = x * 2
        clock.resume()
    assert (strict.reads, strict.late) == (5, 0)
    assert [call.name for call in calls if call.kind == "device"] == ["synchronize"] * 5


def test_what_is_paused_does_not_count():
    """Time between pause and resume is left out, and what the device still owed before the pause is not."""
    now = [0.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "perf_counter", lambda: now[0])
        clock = Clock(Device("cpu"))
        start = clock()
        for _ in range(2):
            now[0] += 3
            clock.pause()
            now[0] += 100
            clock.resume()
            now[0] += 4
        assert clock() - start == 14


def test_a_cpu_keeps_no_peaks():
    """A device that does not count its memory gives no figure rather than 0."""
    assert Device("cpu").peaks() == {}
    assert Device("cpu").free_bytes() is None


def test_peaks_are_since_the_reset():
    """Peak bytes on a device cover what was held since the last reset, and what is still held."""
    device = Device("toy")
    block = torch.ones(2**20, device="toy")
    del block
    device.reset_peaks()
    before = device.peaks()["peak_allocated_bytes"]
    block = torch.ones(2**18, device="toy")
    assert device.peaks()["peak_allocated_bytes"] - before == block.nbytes
    del block
    assert device.peaks()["peak_allocated_bytes"] - before == 2**20
    device.reset_peaks()
    assert device.peaks()["peak_allocated_bytes"] == before
