"""Shares of a machine's ceilings, and the bound that applies."""

import json
import sys

import pytest

import tests.toy  # noqa: F401 - registers the device
from rnnbench.device import ceilings as measured
from rnnbench.device.devices import Device
from rnnbench.device.load import is_quiet
from rnnbench.device.machine_cache import CACHE, ceilings_of, machine_key
from rnnbench.roofline import Ceilings, Needs, least_times_s, placed
from tests import tools
from tests.tools import command, ended, only_run, small_case

LIMITS = Ceilings(device="cpu", flops_per_s={"fp32": 100.0, "bf16": 200.0}, copy_bytes_per_s=10.0, launch_s=0.1)


def record(case=None, **needs):
    return tools.record(case or small_case(phase="forward"), metrics={"step_time_s": 2.0, **needs})


def test_the_least_times_follow_from_needs_and_ceilings():
    """100 FLOPs at 200 FLOP/s, 20 bytes at 10 bytes/s, 3 operators of 0.1 s each."""
    assert least_times_s(Needs(100, 20, 3), "bf16", LIMITS) == pytest.approx({"compute": 0.5, "memory": 2.0, "launch": 0.3})


@pytest.mark.parametrize(("needs", "bound"), [((150, 1, 1), "compute"), ((10, 15, 1), "memory"), ((10, 1, 15), "launch")])
def test_the_bound_is_the_largest_of_the_least_times(needs, bound):
    """What takes longest at the ceiling holds the step."""
    flops, moved, operators = needs
    assert placed(record(step_flops=flops, moved_bytes=moved, operators=operators), LIMITS).bound == bound


def test_the_share_is_of_what_products_and_copies_allow():
    """A launch-bound step does not look well used: its share counts products and copies only."""
    found = placed(record(step_flops=20, moved_bytes=1, operators=19), LIMITS).metrics
    assert (found["ceiling_share"], found["launch_share"], found["achieved_flops_per_s"]) == pytest.approx((0.1, 0.95, 10.0))


def test_a_share_above_one_is_noted():
    """A step faster than the ceiling puts the ceiling in doubt, and says what to do."""
    (note,) = placed(record(step_flops=400, moved_bytes=1, operators=1), LIMITS).notes
    assert ".ceilings.json" in note


@pytest.mark.parametrize(
    ("ceilings", "metrics", "reason"),
    [
        (None, {"step_flops": 1}, "not measured"),
        (Ceilings(device="cpu", absent={"fp32": "no such unit"}), {"step_flops": 1}, "no such unit"),
        (LIMITS, {}, "not known"),
    ],
)
def test_a_share_that_cannot_be_told_has_a_reason(ceilings, metrics, reason):
    """No ceilings, no rate of this precision, no FLOPs: each is told apart."""
    found = placed(record(**metrics), ceilings)
    assert reason in found.absent["ceiling_share"]
    assert not found.bound


def test_a_failed_record_stays_as_it_is():
    """What was not measured has no share and needs no reason."""
    failed = tools.record(status="failed", metrics={})
    assert placed(failed, LIMITS) is failed


def test_operators_of_a_backward_pass_are_not_held_against_it():
    """The operators counted in a backward phase hold its forward pass too, so no launch share is told."""
    assert "launch_share" not in placed(record(small_case(phase="backward"), step_flops=1, operators=1), LIMITS).metrics


def test_ceilings_survive_the_way_through_json():
    """What is written into run.json reads back the same."""
    assert Ceilings.from_dict(json.loads(json.dumps(LIMITS.as_dict()))) == LIMITS


def test_ceilings_are_measured_once_a_machine(tmp_path):
    """The second run of a machine reads the first one's; another number of threads is another machine."""
    calls = []
    keys = [machine_key({"torch": {"threads": threads}}, "cpu") for threads in (1, 1, 2)]
    for key in keys:
        ceilings_of(tmp_path, key, lambda: calls.append(1) or LIMITS, quiet=True)
    assert len(calls) == 2
    assert len(json.loads((tmp_path / CACHE).read_text())) == 2


@pytest.mark.parametrize("text", ["", "[]", '{"k": 3}', '{"k": {"fp32_flops_per_s": "fast"}}'])
def test_a_damaged_cache_is_measured_anew(tmp_path, text):
    """A cache that cannot be read costs a second, not the run."""
    (tmp_path / CACHE).write_text(text)
    assert ceilings_of(tmp_path, "k", lambda: LIMITS, quiet=True) == LIMITS


def test_a_busy_machines_ceilings_are_not_kept(tmp_path):
    """They serve the run that measured them, and the next one measures again."""
    assert ceilings_of(tmp_path, "k", lambda: LIMITS, quiet=False) == LIMITS
    assert not (tmp_path / CACHE).exists()


def test_every_ceiling_of_a_cpu_is_a_number_or_has_a_reason():
    """fp32 and bf16 products, copies and launches have rates; TF32 has the reason why not."""
    found = measured.measure("cpu")
    assert {"fp32", "bf16"} <= set(found.flops_per_s)
    assert "tensor cores" in found.absent["tf32"]
    assert found.copy_bytes_per_s > 0 < found.launch_s


def test_the_toy_accelerator_has_ceilings_too():
    """The same code measures any device that torch knows."""
    assert measured.products_per_s("fp32", Device("toy")) > 0 < measured.launch_s(Device("toy"))


@pytest.mark.slow
def test_a_run_places_every_row(tmp_path):
    """Each measured record of a depth run has its share of the ceiling and its bound, and run.json the ceilings."""
    words = (
        "--preset",
        "quick",
        "--set",
        "variant=lstm",
        "--set",
        "depth=1",
        "--set",
        "phase=train",
        "--case-budget",
        "0.02",
        "--json",
        "--no-report",
    )
    done = command("run", "--suite", "depth", *words, "--isolation", "suite", cwd=tmp_path)
    assert done.code == 0, done.err
    _, run = only_run(tmp_path / "results")
    assert run.machine["ceilings"]["fp32_flops_per_s"] > 0
    assert all(one.metrics["ceiling_share"] > 0 and one.bound for one in run.records)


@pytest.mark.slow
def test_plain_pytest_places_every_row_too(tmp_path):
    """A session without rnnbench's command line measures the ceilings once, keeps them beside its run, and places each record."""
    sizes = {"variant": "lstm", "depth": 1, "phase": "train", "hidden_size": 8, "input_size": 8, "batch_size": (1, 2), "seq_len": 4}
    (tmp_path / "bench_one.py").write_text(
        "from rnnbench import Suite, grid\n"
        f"SUITE = Suite('one', title='One', question='?', x='batch_size', hue='variant', cases=grid(**{sizes!r}))\n"
        "def bench_one(measure, case):\n    measure(case)\n"
    )
    words = ("-q", "-p", "rnnbench.measure.plugin", "--rnnbench-preset", "quick", "--rnnbench-device", "cpu", "bench_one.py")
    done = ended(sys.executable, "-m", "pytest", *words, cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    _, run = only_run(tmp_path / "results")
    assert len(run.records) == 2
    assert run.machine["ceilings"]["fp32_flops_per_s"] > 0
    assert all(one.metrics["ceiling_share"] > 0 and one.bound for one in run.records)
    kept, load = tmp_path / "results" / CACHE, run.arguments["load_at_start"]
    assert kept.exists() == is_quiet(load)  # a busy machine's ceilings are too low
    assert not kept.exists() or list(json.loads(kept.read_text())) == [machine_key(run.machine, "cpu")]
