"""Every swept suite on the toy accelerator, quick preset: what works there treats a device as CUDA needs to be treated."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from rnnbench.runs import catalog
from tests.suites.test_grids import SWEPT as EVERY
from tests.suites.test_names import DECLARED
from tests.tools import ROOT, command, only_run, toy_plugin

TRAINED = ("distillation", "own_data")  # and those named so: they train to a target, see tests/convergence
SWEPT = [name for name in EVERY if "converg" not in name and name not in TRAINED]
HAS_NOT = ("TF32", "torch.compile", "CUDA graphs", "several processes")  # what a toy has not, each told by name
CHOSEN = 'phase != "isolation" and (precision == "fp32" or depth == 1)'  # lower precisions of one layer: the toy computes in Python
HURRY = ("--preset", "quick", "--case-budget", "0.001", "--min-rounds", "2", "--no-report", "--json")


@pytest.fixture(scope="session")
def on_toy(tmp_path_factory):
    """One run of every suite, a process a suite: its records by case id, and what the device was asked for each.

    What the harness suite spends on processes is left out: it starts interpreters of its own, which know no toy.
    """
    chosen = ("--device", "toy", "--plugin", toy_plugin(), "--isolation", "suite", "--select", CHOSEN, *HURRY)

    def measured(names, folder):
        suites = [word for name in names for word in ("--suite", name)]
        watch = {"PYTEST_PLUGINS": "tests.suites.watch", "PYTHONPATH": str(ROOT), "RNNBENCH_TEST_WATCH": str(folder / "watch.jsonl")}
        ended = command("run", *suites, *chosen, cwd=folder, RNNBENCH_LOCKS=str(folder), **watch)
        assert ended.code == 0, ended.err + ended.out
        return only_run(folder / "results")[1].records, (folder / "watch.jsonl").read_text().splitlines()

    folders = [tmp_path_factory.mktemp("toy") for _ in range(2)]  # not in the threads: pytest makes its first folder for one of them only
    with ThreadPoolExecutor() as pool:
        halves = list(pool.map(measured, (SWEPT[::2], SWEPT[1::2]), folders))
    calls = [json.loads(line) for _, lines in halves for line in lines]
    return {str(one.case): one for records, _ in halves for one in records}, {one["id"]: one["calls"] for one in calls}


def of(on_toy, name):
    records, calls = on_toy
    return [(record, calls[key]) for key, record in records.items() if record.case.suite == name and record.status == "ok"]


@pytest.mark.parametrize("name", SWEPT)
def test_every_case_runs_on_an_accelerator(name, on_toy):
    """Each case of the quick preset is measured on the toy, where a CPU tensor that strays into a step raises, or is unsupported."""
    records = [record for record in on_toy[0].values() if record.case.suite == name]
    whole = catalog.find(name).suite.expand("toy", "quick", declared=DECLARED)
    cases = [case for case in whole if case.phase != "isolation" and (case.precision == "fp32" or case.depth == 1)]
    assert {str(record.case) for record in records} == {str(case) for case in cases}
    assert {(record.status, record.reason) for record in records if record.status not in ("ok", "unsupported")} == set()
    assert all(any(word in record.reason for word in HAS_NOT) for record in records if record.status == "unsupported")
    assert any(record.status == "ok" for record in records)


@pytest.mark.parametrize("name", SWEPT)
def test_no_clock_is_read_before_the_device_is_done(name, on_toy):
    """Each reading of the clock finds the device idle: it was synchronised after the last operator."""
    for record, calls in of(on_toy, name):
        assert calls.count("clock") >= 2 * (record.metrics["rounds"] + record.metrics["warmup_rounds"])
        assert "late" not in calls, str(record.case)


@pytest.mark.parametrize("name", SWEPT)
def test_peaks_are_of_the_timed_rounds(name, on_toy):
    """Peak statistics are reset once, after the last warm-up step and before the first timed round, and read after the last one; where
    another network runs beside the case, before that network is built."""
    for record, calls in of(on_toy, name):
        reset = calls.index("reset_peak_memory_stats")
        read = calls.index("max_memory_allocated")
        assert calls.count("reset_peak_memory_stats") == 1
        assert calls[:reset].count("clock") >= 2 * record.metrics["warmup_rounds"]
        rounds = record.metrics["rounds"] if record.beside in (None, "", "no clipping") else 0
        assert calls[reset:read].count("clock") >= 2 * rounds
        assert "op" in calls[:reset]
        assert "op" in calls[reset:read]
        assert record.metrics["peak_allocated_bytes"] > 0


def test_a_shared_process_does_not_add_up_peaks(tmp_path):
    """A case's peak is its own: the same case measured four times in one process, with other seeds, has the same peak each time."""
    chosen = ("--set", "variant=lstm", "--set", "depth=1", "--set", "phase=train", "--set", "precision=fp32", "--set", "seed=0,1,2,3")
    ended = command(
        "run", "--suite", "depth", *chosen, "--device", "toy", "--plugin", toy_plugin(), *HURRY, "--isolation", "suite", cwd=tmp_path
    )
    peaks = [record["metrics"]["peak_allocated_bytes"] for record in ended.told["records"]]
    assert len(peaks) == 4
    assert max(peaks) == min(peaks)
