"""The real nvidia-ml-py on a stand-in for NVIDIA's library, compiled from tests/nvml/standin.c: not a GPU, but the same calls."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.tools import ROOT, ended

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="compiling the stand-in needs gcc")
WATCH = """
import json, sys, time
from functools import partial
from rnnbench.device.gpu_watch import GpuWatch
from rnnbench.device.nvml import Gpu
watch = GpuWatch(partial(Gpu, int(sys.argv[1])))
time.sleep(float(sys.argv[2]))
seen = watch.stop()
print(json.dumps({"metrics": seen.metrics, "absent": seen.absent, "notes": seen.notes}))
"""
WHICH = "import sys; from rnnbench.device.nvml import Gpu; print(Gpu(int(sys.argv[1]), *sys.argv[2:]).uuid())"
A, B, PART = (
    "GPU-aaaa0000-0000-0000-0000-000000000000",
    "GPU-bbbb1111-1111-1111-1111-111111111111",
    "MIG-cccc2222-2222-2222-2222-222222222222",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    """The folder of the compiled stand-in."""
    folder = tmp_path_factory.mktemp("nvml")
    source = ROOT / "tests/nvml/standin.c"
    done = ended("gcc", "-shared", "-fPIC", "-O1", "-o", folder / "libnvidia-ml.so.1", source, cwd=folder)
    assert done.code == 0, done.err
    return folder


def python(library: Path | None, code: str, *words: object, **env: str) -> str:
    """What a fresh interpreter prints that finds the stand-in, or no such library at all."""
    paths = {"LD_LIBRARY_PATH": str(library)} if library else {"LD_LIBRARY_PATH": ""}
    done = ended(sys.executable, "-c", code, *words, cwd=ROOT, **{**paths, **env})
    assert done.code == 0, done.err
    return done.out.strip()


def watched(library: Path | None, seconds: float = 0.25, index: int = 0, **env: str) -> dict:
    return json.loads(python(library, WATCH, index, seconds, **env))


def test_every_figure_is_there_where_nothing_fails(library):
    """Over two seconds: power from the energy counter, clocks, heat, throttling, use, this process's memory and the others on the GPU."""
    seen = watched(library, 2.05, 1)
    assert not seen["absent"]
    assert seen["metrics"].pop("mean_power_w") == pytest.approx(100, rel=0.15)
    assert seen["metrics"].pop("busy_share") == pytest.approx(0.97)
    assert seen["metrics"] == {
        "sm_clock_hz": 1.98e9,
        "memory_clock_hz": 2.619e9,
        "temperature_celsius": 56,
        "throttled_share": 0,
        "gpu_process_bytes": 123456789,
        "other_gpu_processes": 1,
    }


def test_too_short_a_window_has_no_power(library):
    """The counter moves ten times a second: two seconds or twenty updates are wanted, else there is no figure but a reason."""
    seen = watched(library)
    assert "mean_power_w" not in seen["metrics"]
    assert "--case-budget" in seen["absent"]["mean_power_w"]


def test_without_a_counter_power_is_integrated_and_says_so(library):
    """Two seconds of samples of power stand in for a counter that the GPU has not, with a note; a shorter window has none."""
    seen = watched(library, 2.3, 1, STANDIN_FAIL="DeviceGetTotalEnergyConsumption:3")
    assert seen["metrics"]["mean_power_w"] == pytest.approx(100)
    (note,) = [note for note in seen["notes"] if "energy" in note]
    assert note.startswith("energy is integrated from ")
    assert note.endswith("samples of power, not counted: NVML: Not Supported")


def test_a_cool_down_ends_when_the_gpu_is_calm_or_time_is_up(library):
    """It waits for two seconds without throttling; a GPU that stays hot is not waited for without end."""
    code = "from rnnbench.device.gpu_watch import cool_down; from rnnbench.device.nvml import Gpu; print(cool_down(Gpu, 3.5))"
    assert 2.0 <= float(python(library, code, STANDIN_THROTTLE="0x40", STANDIN_COOL_AFTER="0.3")) < 3.5
    assert float(python(library, code, STANDIN_THROTTLE="0x40")) >= 3.5


@pytest.mark.parametrize(
    ("call", "figure", "code", "reason"),
    [
        ("DeviceGetTotalEnergyConsumption", "mean_power_w", 3, "Not Supported"),
        ("DeviceGetTemperature", "temperature_celsius", 4, "Insufficient Permissions"),
        ("DeviceGetComputeRunningProcesses_v3", "other_gpu_processes", 4, "Insufficient Permissions"),
        ("DeviceGetCurrentClocksThrottleReasons", "throttled_share", 3, "Not Supported"),
    ],
)
def test_a_figure_that_fails_takes_no_other_with_it(library, call, figure, code, reason):
    """What the driver does not support or permit is absent with its words; the clocks are there all the same."""
    seen = watched(library, STANDIN_FAIL=f"{call}:{code}")
    assert reason in seen["absent"][figure]
    assert seen["metrics"]["sm_clock_hz"] == 1.98e9


def test_a_gpu_lost_half_way_leaves_reasons(library):
    """A GPU that falls off the bus in the middle leaves no half figures: each is absent, with that reason."""
    seen = watched(library, 0.6, STANDIN_LOST_AFTER="0.3")
    assert not seen["metrics"]
    assert all("GPU is lost" in why for why in seen["absent"].values())


@pytest.mark.parametrize(
    ("env", "reason"), [({"STANDIN_FAIL": "InitWithFlags:9"}, "Driver Not Loaded"), (None, "Shared Library Not Found")]
)
def test_a_missing_driver_is_a_reason(library, env, reason):
    """Neither a driver that is not loaded nor a library that is not there raises."""
    seen = watched(library, **env) if env else watched(None)
    assert not seen["metrics"]
    assert all(reason in why for why in seen["absent"].values())


@pytest.mark.parametrize(("mask", "word"), [("0x4", "power cap"), ("0x40", "heat"), ("0x20", "heat"), ("0x8", "hardware slowdown")])
def test_throttled_samples_are_flagged(library, mask, word):
    """A GPU that slows itself for heat or power is noted, with the reason and what to do."""
    seen = watched(library, STANDIN_THROTTLE=mask)
    assert seen["metrics"]["throttled_share"] == 1
    assert any("throttled" in note and word in note and "cool" in note for note in seen["notes"])


def test_clocks_that_were_asked_for_are_not_throttling(library):
    """An idle GPU, or one whose clocks a user set, not throttled."""
    assert watched(library, STANDIN_THROTTLE="0x3")["metrics"]["throttled_share"] == 0


@pytest.mark.parametrize(
    ("visible", "index", "uuid"),
    [("1,0", 0, B), ("1,0", 1, A), (B, 0, B), ("GPU-bbbb", 0, B), (f"{B},{A}", 1, A), (PART, 0, PART), ("1,-1,0", 0, B)],
)
def test_an_index_is_the_gpu_that_cuda_means(library, visible, index, uuid):
    """CUDA_VISIBLE_DEVICES reorders and hides GPUs, by number, UUID, its beginning, or MIG instance."""
    assert python(library, WHICH, index, CUDA_VISIBLE_DEVICES=visible) == uuid


def test_what_cuda_says_of_itself_settles_which_gpu_it_is(library):
    """CUDA's own order need not be that of the bus: its UUID is believed before the index."""
    assert python(library, WHICH, 0, B.removeprefix("GPU-")) == B


def test_a_mig_instance_has_no_energy_of_its_own(library):
    """The counter is the whole GPU's, so an instance has none, and says so."""
    assert "MIG" in watched(library, CUDA_VISIBLE_DEVICES=PART)["absent"]["mean_power_w"]


def test_a_hidden_gpu_is_a_reason(library):
    """An index beyond what CUDA_VISIBLE_DEVICES shows is told as such."""
    assert "CUDA_VISIBLE_DEVICES" in watched(library, index=1, CUDA_VISIBLE_DEVICES="0")["absent"]["sm_clock_hz"]


def test_retired_names_of_nvml_are_not_needed(library):
    """A version of nvidia-ml-py without the constants and functions that CUDA retires is imported, and its GPU is read."""
    without = "import pynvml; [delattr(pynvml, name) for name in dir(pynvml) if name.startswith('nvmlClocks')]\n"
    assert json.loads(python(library, without + WATCH, 0, 0.2))["metrics"]["throttled_share"] == 0


ENERGY = """
import json, sys, time
from functools import partial
from rnnbench.device.devices import Device
from rnnbench.device.nvml import Gpu
from rnnbench.measure.energy import energy
found = energy(Device("cpu"), lambda: time.sleep(0.01), float(sys.argv[1]), 4, partial(Gpu, 1))
print(json.dumps({"metrics": found.metrics, "absent": found.absent, "notes": found.notes}))
"""


def test_energy_of_a_step_is_counted_in_windows_of_its_own(library):
    """Two windows of steps back to back: the counter's joules ÷ the steps, with an interval, and what was seen of counter and heat."""
    seen = json.loads(python(library, ENERGY, 6))
    metrics = seen["metrics"]
    assert metrics["mean_power_w"] == pytest.approx(100, rel=0.15)
    assert metrics["step_energy_j"] >= 0.85  # 100 W for a hundredth of a second at least, which is how long a sleep takes
    assert metrics["token_energy_j"] == pytest.approx(metrics["step_energy_j"] / 4)
    assert metrics["energy_half_width_ratio"] >= 0
    assert "2 windows of" in seen["notes"][0]
    assert "56 °C before the warm-up" in seen["notes"][0]


@pytest.mark.parametrize(
    ("seconds", "env", "why"),
    [
        (1, {}, "a window of the energy counter takes 2 s"),
        (3, {"STANDIN_STILL": "1"}, "the energy counter did not move in"),
        (3, {"STANDIN_FAIL": "DeviceGetTotalEnergyConsumption:3"}, "NVML: Not Supported"),
    ],
)
def test_energy_that_cannot_be_counted_has_a_reason(library, seconds, env, why):
    """Too short a budget, a counter that stands still, and none at all are each told."""
    seen = json.loads(python(library, ENERGY, seconds, **env))
    assert "step_energy_j" not in seen["metrics"]
    assert why in seen["absent"]["step_energy_j"]
