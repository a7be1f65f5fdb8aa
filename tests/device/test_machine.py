"""What is read of the machine, where files are missing or say nothing."""

import pytest

from rnnbench.device import machine


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),  # a root control group has none of them, as on a virtual machine of its own
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": ""}, None),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000"}, None),
    ],
)
def test_the_control_groups_cpu_limit(files, cores, tmp_path, monkeypatch):
    """In cores, in either version; no file, half of them or no limit is none."""
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert machine._container()["cpu_limit"] == cores
    assert machine.usable_cores() >= 1
