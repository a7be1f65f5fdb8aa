"""Is a machine fit to measure: each check on a machine of files, and the command."""

import pytest

from rnnbench.cli.doctor import DISTURBING, smallest_change
from rnnbench.device import fitness
from rnnbench.device.fitness import Files
from rnnbench.device.machine_cache import CACHE, TRIAL, detectable_here, keep_trial, machine_key
from tests.tools import command

CPU = "sys/devices/system/cpu"


def machine(root, **files: str) -> Files:
    for path, text in files.items():
        home = root / path
        home.parent.mkdir(parents=True, exist_ok=True)
        home.write_text(text)
    return Files(root)


@pytest.mark.parametrize(
    ("check", "files", "state", "word"),
    [
        ("governor", {f"{CPU}/cpu0/cpufreq/scaling_governor": "performance\n"}, "good", ""),
        ("governor", {f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave\n"}, "care", "cpupower"),
        ("governor", {}, "unknown", ""),
        ("turbo", {f"{CPU}/intel_pstate/no_turbo": "0"}, "care", "no_turbo"),
        ("turbo", {f"{CPU}/cpufreq/boost": "1"}, "care", "boost"),
        ("turbo", {f"{CPU}/intel_pstate/no_turbo": "1"}, "good", ""),
        ("turbo", {}, "unknown", ""),
        ("clock_source", {"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet"}, "care", "tsc"),
        ("clock_source", {"sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc"}, "good", ""),
        ("container", {"sys/fs/cgroup/cpu.max": "max 100000"}, "good", ""),
        ("container", {"sys/fs/cgroup/cpu.max": "150000 100000", "sys/fs/cgroup/cpu.stat": "nr_throttled 7"}, "care", "--threads 1"),
    ],
)
def test_each_state_of_a_machine_is_told(tmp_path, check, files, state, word):
    """What is good, what needs care and what cannot be read are told apart, and care says what to do."""
    found = getattr(fitness, check)(machine(tmp_path, **files))
    assert found.state == state
    assert word in found.todo
    assert bool(found.todo) == (state == "care")


def test_calm_pairs_show_smaller_changes():
    """Pairs that differ by a thousandth can tell less of a change than pairs that differ by a tenth."""
    least = [smallest_change([(1, 1 + by), (1, 1 - by), (1, 1 + by), (1, 1), (1, 1 - by), (1, 1)], 60) for by in (0.001, 0.1)]
    assert 0.02 < least[0]["detectable_ratio"] < 0.03 < least[1]["detectable_ratio"]
    assert all(one["detectable_ratio_of_many"]["ratio"] > one["detectable_ratio"] for one in least)


def test_too_few_pairs_show_nothing():
    """Where nothing can be said, that is said, with what to give."""
    seen = smallest_change([(1, 1)], 3)
    assert seen["detectable_ratio"] is None
    assert "--seconds" in seen["said"]


def test_doctor_tells_all_and_leaves_only_what_it_keeps(tmp_path):
    """The command states every finding and the ceilings and runs its trial; one pair tells nothing, so only the ceilings are kept,
    and they only where no other load would have lowered them."""
    done = command("doctor", "--device", "cpu", "--seconds", "0.1", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert {"clock", "governor", "other load", "fp32"} <= {one["name"] for one in done.told["findings"]}
    assert done.told["ceilings"]["fp32_flops_per_s"] > 0
    assert len(done.told["trial"]["pairs"]) == 1
    busy = any(one["name"] in DISTURBING and one["state"] == "care" for one in done.told["findings"])
    assert [path.name for path in tmp_path.glob("results/*")] == ([] if busy else [CACHE])


def test_a_trial_is_known_to_later_comparisons_of_the_same_machine(tmp_path):
    """What a machine could tell apart is kept by machine, threads and device; another machine has none of it."""
    machine = {"hostname": "a", "torch": {"threads": 2}}
    assert detectable_here(tmp_path, machine, "cpu") is None
    assert keep_trial(tmp_path / "new", machine_key(machine, "cpu"), {"device": "cpu", "detectable_ratio": 0.03})
    assert detectable_here(tmp_path / "new", machine, "cpu") == 0.03
    assert detectable_here(tmp_path / "new", {**machine, "torch": {"threads": 1}}, "cpu") is None
    assert detectable_here(tmp_path / "new", machine, "cuda") is None


@pytest.mark.parametrize("text", ["", "[]", '{"k": 3}', '{"k": {"detectable_ratio": "much"}}', '{"k": {"detectable_ratio": null}}'])
def test_a_damaged_file_of_trials_tells_nothing(tmp_path, monkeypatch, text):
    """What cannot be read is as if no trial had been."""
    monkeypatch.setattr("rnnbench.device.machine_cache.machine_key", lambda *_: "k")
    (tmp_path / TRIAL).write_text(text)
    assert detectable_here(tmp_path, {}, "cpu") is None


def test_doctor_refuses_a_device_that_is_not_here(tmp_path):
    """A device that this machine lacks is a mistake of usage."""
    done = command("doctor", "--device", "cuda:9", cwd=tmp_path)
    assert done.code == 2
    assert "cuda:9" in done.err
