"""Which ceilings stay in a results folder: a quiet machine's, whichever command measured them."""

import pytest

from rnnbench.device.machine_cache import CACHE, CEILINGS
from rnnbench.roofline import Ceilings
from rnnbench.runs import machine
from tests.reports.factory import run

LIMITS = Ceilings(device="cpu", flops_per_s={"fp32": 1e9}, copy_bytes_per_s=1e9, launch_s=1e-6)


class Server:
    """Answers as a child that has measured would."""

    def ask(self, *_):
        return {CEILINGS: LIMITS.as_dict()}


@pytest.mark.parametrize("notes", [[], ["contended: other processes kept 2.0 cores busy"]])
@pytest.mark.parametrize("known", [True, False])
def test_a_busy_machines_ceilings_serve_the_run_and_are_not_kept(tmp_path, monkeypatch, notes, known):
    """By the load that the run noted, and where it noted none, as a duet and a profile, by a look of its own."""
    load = {"notes": notes}
    monkeypatch.setattr(machine, "at_start", lambda _: load)
    begun = run([], arguments={"load_at_start": load} if known else {}, machine={"hostname": "h"})
    told = machine.with_ceilings(begun, "cpu", tmp_path, Server(), tmp_path / "log")
    assert told.machine[CEILINGS]["fp32_flops_per_s"] == 1e9
    assert (tmp_path / CACHE).exists() == (not notes)
