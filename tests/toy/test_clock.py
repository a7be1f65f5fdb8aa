"""The toy accelerator works behind the caller's back until it is waited for, and keeps a log. Each docstring states one fact."""

import time

import pytest
import torch

from tests import toy
from tests.toy.support import HERE, run_python


def test_work_is_pending_until_synchronised():
    """An operator leaves work pending; synchronize(), item() and a copy to the CPU end it; a view and an empty tensor start none."""
    x = torch.ones(3, device="toy")
    assert toy.pending()
    for wait in (
        torch.toy.synchronize,
        x.sum().item,
        x.cpu,
        x.tolist,
        torch.accelerator.synchronize,
        torch.toy.current_stream().synchronize,
    ):
        x.add_(1)
        assert toy.pending()
        wait()
        assert not toy.pending()
    x.view(3, 1)[1].t()
    torch.empty_like(x)
    assert not toy.pending()
    x.add_(1).to("cpu", non_blocking=True)
    assert toy.pending()


def test_strict_clock_counts_reads_that_come_too_early():
    """A clock read with work pending is late; one after synchronising is not."""
    clock = toy.StrictClock()
    torch.ones(3, device="toy")
    clock()
    torch.toy.synchronize()
    clock()
    assert (clock.reads, clock.late) == (2, 1)


def test_slow_device_shows_its_time_when_synchronised():
    """With a delay set, a clock read that did not synchronise misses the device's time; one that did has it."""
    x = torch.ones(3, device="toy")
    torch.toy.synchronize()
    with toy.slow_down(0.05):
        start = time.perf_counter()
        x.add_(1).add_(1)
        early = time.perf_counter() - start
        torch.toy.synchronize()
        true = time.perf_counter() - start
    assert early < 0.1 <= true


def test_events_time_the_device():
    """Two events around the work measure the device's time, whatever the host waited for."""
    start, end = (torch.toy.Event(enable_timing=True) for _ in range(2))
    x = torch.ones(3, device="toy")
    with toy.slow_down(0.05):
        start.record()
        x.add_(1)
        end.record()
        x.add_(1)
        assert not end.query()
        with pytest.raises(RuntimeError, match="not ready"):
            start.elapsed_time(end)
        end.synchronize()
    assert end.query()
    assert toy.pending()  # what came after the event
    assert 50 <= start.elapsed_time(end) < 100
    torch.toy.synchronize()


def test_events_without_timing_refuse():
    """An event made without timing has no time to give."""
    start, end = torch.toy.Event(), torch.toy.Event()
    start.record()
    end.record()
    with pytest.raises(ValueError, match="enable_timing"):
        start.elapsed_time(end)


def test_log_holds_device_calls_in_order():
    """Device calls are always logged, operators only while watched."""
    toy.CALLS.clear()
    torch.toy.reset_peak_memory_stats()
    torch.ones(3, device="toy")
    torch.toy.synchronize()
    torch.toy.max_memory_allocated()
    assert [(call.name, call.kind) for call in toy.CALLS] == [
        ("reset_peak_memory_stats", "device"),
        ("synchronize", "device"),
        ("max_memory_allocated", "device"),
    ]
    with toy.watch() as calls:
        torch.zeros(3, device="toy").add_(1)
        torch.toy.synchronize()
    assert [call.name for call in calls][-2:] == ["add_", "synchronize"]


def test_log_file_gathers_children(tmp_path):
    """A child that ends abruptly leaves its calls in the file that the environment names."""
    path = tmp_path / "calls"
    code = (
        f"import os, sys; sys.path.insert(0, {str(HERE.parents[1])!r}); import torch, tests.toy; torch.toy.synchronize(); pid = os.fork(); "
    )
    code += "torch.ones(1, device='toy') + 1; torch.toy.empty_cache(); pid and os.waitpid(pid, 0); os._exit(0)"
    run_python(code, TOY_LOG_FILE=str(path), TOY_LOG_OPS="1")
    calls = toy.read_log(path)
    assert [call.name for call in calls].count("empty_cache") == 2
    assert calls[0].name == "synchronize"
    assert ("add", "op") in {(call.name, call.kind) for call in calls}
    assert len({call.pid for call in calls}) == 2
