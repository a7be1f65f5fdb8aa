"""Instruments beside the timed rounds: the CPU's, the device's own events, which GPU is meant, and energy."""

import pytest

import tests.toy  # noqa: F401 - registers the device
from rnnbench.device.cpu_watch import CpuWatch
from rnnbench.device.devices import Device
from rnnbench.device.visible import named, visible
from rnnbench.measure import instruments
from rnnbench.measure.probes.kernels import merged
from rnnbench.record import ON_DEVICE
from tests.measure.parts import workload
from tests.toy import slow_down


def package(folder, energy: int, name: str = "package-0", zone: str = "intel-rapl:0", top: int = 1_000_000):
    home = folder / zone
    home.mkdir()
    (home / "name").write_text(name)
    (home / "energy_uj").write_text(f"{energy}\n")
    (home / "max_energy_range_uj").write_text(str(top))
    return home / "energy_uj"


def power(folder, monkeypatch, after) -> float | str:
    """Mean power over a window of exactly two seconds, or the reason why there is none."""
    clock = iter([10.0, 12.0])
    monkeypatch.setattr("rnnbench.device.cpu_watch.time.monotonic", lambda: next(clock))
    watch = CpuWatch(folder)
    after()
    seen = watch.stop()
    return seen.metrics.get("mean_power_w", seen.absent.get("mean_power_w"))


def test_rapl_gives_the_mean_power_of_all_packages(tmp_path, monkeypatch):
    """Two packages' microjoules over two seconds; what lies within a package, or over all, is not counted twice."""
    one, two = package(tmp_path, 100), package(tmp_path, 100, "package-1", "intel-rapl:1")
    within = package(tmp_path, 0, "core", "intel-rapl:0:0")
    psys = package(tmp_path, 0, "psys", "intel-rapl:2")
    grow = lambda: [path.write_text("4000100") for path in (one, two, within, psys)]  # noqa: E731
    assert power(tmp_path, monkeypatch, grow) == pytest.approx(4.0)


def test_a_rapl_counter_that_starts_again_is_followed(tmp_path, monkeypatch):
    """The counter wraps at its range."""
    one = package(tmp_path, 900_000)
    assert power(tmp_path, monkeypatch, lambda: one.write_text("100000")) == pytest.approx(0.1)


def test_no_rapl_is_a_reason(tmp_path, monkeypatch):
    """Virtual machines hide the counter; the reason says so."""
    assert "RAPL" in power(tmp_path, monkeypatch, lambda: None)


def test_rapl_that_may_not_be_read_is_a_reason(tmp_path, monkeypatch):
    """Most systems let only root read the counter; the reason says how to grant it."""
    package(tmp_path, 100)

    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr("rnnbench.device.cpu_watch.Path.read_text", lambda self, **_: "package-0" if self.name == "name" else refuse())
    assert "chmod" in power(tmp_path, monkeypatch, lambda: None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, None),
        ("", []),
        ("0,1", [0, 1]),
        ("2, 0", [2, 0]),
        ("0,-1,1", [0]),
        ("0,x", [0]),
        ("GPU-a,1", ["GPU-a"]),
        ("1,1", []),
        ("NoDevFiles", []),
    ],
)
def test_the_variable_is_read_as_cuda_reads_it(text, found):
    """The list ends at the first entry that is no GPU, forms do not mix, and a repeated entry hides all."""
    assert visible(text) == found


def test_without_the_variable_every_gpu_counts():
    """An index is then the index among all."""
    assert named(3, None) == 3


def test_energy_is_power_times_the_median_step():
    """100 W over steps of 20 ms are 2 J a step; 50 tokens share them."""
    seen = instruments.energy({"mean_power_w": 100.0, "step_time_s": 0.02}, {}, 50)
    assert seen.metrics == pytest.approx({"step_energy_j": 2.0, "token_energy_j": 0.04})


def test_energy_without_power_has_powers_reason():
    """A step's energy is absent for the reason that its power is."""
    seen = instruments.energy({"step_time_s": 0.02}, {"mean_power_w": "no counter"}, 50)
    assert seen.absent == {"step_energy_j": "no counter", "token_energy_j": "no counter"}


def test_events_of_a_device_lie_within_the_wall_clock():
    """By its own events a step takes no longer than by the clock."""
    with workload(device="toy") as work:
        span = work.device.span(work.step)
    assert 0 <= span.device_s <= span.wall_s


def test_parts_on_a_device_are_between_its_own_events():
    """Each part of a train step takes what its operators owe the device, and all together as long as the step."""
    with slow_down(1e-4), workload(device="toy", clip_norm=1.0) as work:
        work.step()
        found = instruments.device_parts(work.device, work.next_batch, work.train.parts).metrics
        whole = instruments.device_time(work.device, work.step).metrics["device_time_s"]
    assert list(found) == [ON_DEVICE[name] for name, _ in work.train.parts]
    assert all(seconds >= 1e-4 for name, seconds in found.items() if name != "zero_grad_device_s")
    assert sum(found.values()) == pytest.approx(whole, rel=0.5)


def test_unlike_batches_are_timed_in_whole_turns():
    """Of four that rotate each counts as often as another."""
    calls = []
    device = Device("toy")
    for timed in (
        lambda step: instruments.device_time(device, step, 4),
        lambda step: instruments.device_parts(device, step, (), 4),
        lambda step: instruments.back_to_back(step, lambda: 0.0, 0.03, 1.0, 4),
    ):
        timed(lambda: calls.append(1))
        assert calls
        assert len(calls) % 4 == 0
        calls.clear()


def test_a_cpu_has_no_events():
    """A CPU has nothing to wait for: no figure is made up."""
    cpu = Device("cpu")
    assert cpu.span(lambda: None) is None
    assert not instruments.device_time(cpu, lambda: None).metrics
    with workload() as work:
        assert not instruments.device_parts(cpu, work.next_batch, work.train.parts).metrics


def test_where_nothing_is_launched_it_is_said():
    """Neither a CPU nor the test accelerator has kernels that a profiler counts: three figures are absent, with the reason."""
    for device, why in (("cpu", "a CPU launches no kernels"), ("toy", "counts no kernels of toy")):
        seen = instruments.launches(Device(device), lambda: None, 1.0)
        assert set(seen.absent) == {"kernel_launches", "kernel_time_s", "device_wait_share"}
        assert all(why in reason for reason in seen.absent.values())


def test_kernels_that_overlap_are_one_time_of_work():
    """Two streams at once keep the device busy once."""
    assert merged([(0, 2), (1, 3), (3, 4), (6, 7)]) == [(0, 4), (6, 7)]
