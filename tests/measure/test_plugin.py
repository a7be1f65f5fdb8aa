"""The pytest plugin: a suite file under plain pytest, without the command line."""

import json

import pytest

from tests.tools import SUITES, bare, only_run

AXES = ("variant=lstm", "depth=1", "phase=train", "precision=fp32,tf32", "hidden_size=8", "seq_len=3")
ALIGNED = """
import time
from rnnbench import Suite, grid

SUITE = Suite("aligned", title="a", question="b?", x="depth", hue="variant",
              cases=grid(hidden_size=4, seq_len=2, batch_size=1, depth=1, phase="forward"))
DRIFT = [0.010, 0.050, 0.020, 0.090, 0.030, 0.070, 0.040, 0.080, 0.060]
NOW, COUNT = [0.0], {"step": 0, "other": 0}

def ticking():
    NOW[0] += 1e-7
    return NOW[0]

def beside(work):
    time.perf_counter = ticking
    real = work.step
    def step():
        real()
        NOW[0] += DRIFT[COUNT["step"] % len(DRIFT)]
        COUNT["step"] += COUNT["other"] > 0
    def other():
        NOW[0] += 2 * DRIFT[(COUNT["other"] - 1) % len(DRIFT)]
        COUNT["other"] += 1
    work.step = step
    return "twice as long", other

def bench_aligned(measure, case):
    measure(case, beside=beside)
"""

SLOW_CLOCK = """
import time
from rnnbench import Suite, grid

SUITE = Suite("slow_clock", title="a", question="b?", x="depth", hue="variant",
              cases=grid(hidden_size=4, seq_len=2, batch_size=1, depth=1, phase="forward"))
STEPS = [0]
plain = time.perf_counter

def slow():
    time.sleep(0.002)
    return plain()

def bench_slow_clock(measure, case):
    from rnnbench.measure.workload import Workload

    class Counted(Workload):
        def step(self):
            STEPS[0] += 1
            super().step()

        def weigh(self, metrics, absent):
            metrics["threads"] = STEPS[0] - (self.turns - 1)  # without the looks at the other batches that follow the rounds
            super().weigh(metrics, absent)

    time.perf_counter = slow
    try:
        measure(case, make=Counted)
    finally:
        time.perf_counter = plain
"""


@pytest.fixture(scope="session")
def session(tmp_path_factory):
    """`pytest suites/bench_depth.py`, and where it ran."""
    folder = tmp_path_factory.mktemp("bare")
    chosen = [word for axis in AXES for word in ("--rnnbench-set", axis)]
    told = (SUITES / "bench_depth.py", "--rnnbench-device", "cpu", "--rnnbench-preset", "quick", *chosen)
    return folder, bare(folder, *told, "--benchmark-json", "mine.json", "--rnnbench-results", "there")


def test_a_suite_file_runs_under_plain_pytest(session):
    """The session passes, skips what is unsupported, and says where its records are."""
    folder, done = session
    assert done.code == 0, done.out
    assert "1 passed, 1 skipped" in done.out
    home, _ = only_run(folder / "there")
    assert f"rnnbench: records in there/{home.name}" in done.out


def test_plain_pytest_leaves_a_run(session):
    """The run's folder holds what was asked, the machine, the plan, and a record for each case, whatever its outcome."""
    folder, _ = session
    _, run = only_run(folder / "there")
    assert [(one.case.precision, one.status) for one in run.records] == [("fp32", "ok"), ("tf32", "unsupported")]
    assert run.records[0].metrics["rounds"] == len(run.records[0].times_s)
    assert run.arguments["preset"] == "quick"
    assert run.arguments["device"] == "cpu"
    assert run.machine["torch"]["version"]
    assert len(run.planned) == 2


def test_a_bare_run_ends_like_any_other(session):
    """A run by plain pytest says in run.json when it ended, and that nobody interrupted it."""
    _, run = only_run(session[0] / "there")
    assert run.finished_utc >= run.records[-1].finished_utc
    assert not run.interrupted


def test_pytest_benchmarks_own_json_is_left_whole(session):
    """--benchmark-json holds each measured case with plain values, and no object that it could not write."""
    folder, _ = session
    text = (folder / "mine.json").read_text()
    (row,) = json.loads(text)["benchmarks"]
    _, run = only_run(folder / "there")
    assert row["stats"]["data"] == pytest.approx(run.records[0].times_s, abs=1e-8)
    assert row["extra_info"]["case"] == run.records[0].case.as_dict()
    assert "UNSERIALIZABLE" not in json.dumps(row["extra_info"])


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--rnnbench-set", "depht=2"), 4, "unknown axis 'depht'; choose from: depth"),
        (("--rnnbench-select", "depth >"), 4, "--select 'depth >' cannot be read"),
        (("--rnnbench-preset", "quik"), 4, "unknown preset 'quik'; choose from: quick"),
        (("--rnnbench-device", "cuda:99"), 2, "device 'cuda:99' not found; this machine has: cpu"),
        (("--rnnbench-data", "absent.tsv"), 4, "'absent.tsv': No such file"),
        (("--rnnbench-plugin", "absent.py"), 2, "'absent.py' cannot be loaded: there is no such file"),
        (("--rnnbench-results", "/dev/null/x"), 1, "cannot write '/dev/null/x"),
    ],
)
def test_bad_options_of_the_plugin_end_in_a_sentence(bare_here, words, code, sentence, tmp_path):
    """What plain pytest is asked for in vain ends the session early with one sentence, no traceback and no run."""
    chosen = [word for axis in AXES for word in ("--rnnbench-set", axis)]
    done = bare_here(tmp_path, SUITES / "bench_depth.py", "--rnnbench-preset", "quick", *chosen, *words)
    assert sentence in done.out + done.err
    assert done.code == code
    assert "Traceback" not in done.out + done.err
    assert not list(tmp_path.glob("*/*/run.json"))


def test_samples_beside_are_aligned_under_pytest_benchmark(tmp_path):
    """pytest-benchmark calls a step before and after its rounds; the i-th sample beside is still of the i-th round."""
    (tmp_path / "bench_aligned.py").write_text(ALIGNED)
    done = bare(tmp_path, "bench_aligned.py", "--rnnbench-device", "cpu", "--rnnbench-preset", "quick")
    assert done.code == 0, done.out
    (one,) = only_run(tmp_path / "results")[1].records
    assert len(one.times_s) == len(one.beside_times_s) >= 3
    assert [b / a for a, b in zip(one.times_s, one.beside_times_s, strict=True)] == pytest.approx([2.0] * len(one.times_s), rel=1e-2)


def test_a_round_is_one_step_under_a_slow_clock(tmp_path):
    """A clock that takes long to read, as one that synchronises does, leaves one step in each round."""
    (tmp_path / "bench_slow_clock.py").write_text(SLOW_CLOCK)
    done = bare(tmp_path, "bench_slow_clock.py", "--rnnbench-device", "cpu", "--rnnbench-preset", "quick", "--rnnbench-results", "there")
    assert done.code == 0, done.out
    _, run = only_run(tmp_path / "there")
    metrics = run.records[0].metrics
    around = 1 + 1  # the call that tells how many rounds there may be, and the one after them
    assert metrics["threads"] == metrics["warmup_rounds"] + metrics["rounds"] + around
