"""pytest-benchmark's options under plain pytest: each works, sets the budget, or is refused by name."""

import json
import re

import pytest
from _pytest.config.argparsing import Parser
from pytest_benchmark.plugin import pytest_addoption

from rnnbench.errors import RnnbenchError
from rnnbench.measure.pytest_benchmark import Benchmark
from rnnbench.measure.pytest_options import BUDGET, OPTIONS, REFUSED
from tests.tools import ROOT, SUITES, bare, command, only_run

SMALL = ("variant=lstm", "depth=1", "phase=forward", "precision=fp32", "hidden_size=4", "seq_len=2", "batch_size=1")
CASES = [SUITES / "bench_depth.py", "--rnnbench-device=cpu", "--rnnbench-preset=quick", *(f"--rnnbench-set={axis}" for axis in SMALL)]


def real_options():
    """Every option of the pytest-benchmark that is installed."""
    parser = Parser(_ispytest=True)
    pytest_addoption(parser)
    return {name for option in parser.getgroup("benchmark").options for name in option.names() if name.startswith("--")}


def test_the_table_has_every_option_of_pytest_benchmark():
    """A new option of a new version fails here until somebody decides what it does."""
    assert set(OPTIONS) == real_options()


def test_the_page_shows_the_table():
    """docs/pytest.md and the code say the same."""
    text = (ROOT / "docs/pytest.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(--benchmark-[a-z-]+)` \| (.+?) \| (.+) \|$", text, re.MULTILINE)
    assert shown == [(name, option.does, option.about) for name, option in OPTIONS.items()]


REFUSED_WORDS = {
    "--benchmark-timer": "time.process_time",
    "--benchmark-min-time": "0.1",
    "--benchmark-calibration-precision": "10",
    "--benchmark-warmup": "off",
    "--benchmark-warmup-iterations": "3",
    "--benchmark-cprofile": "tottime",
    "--benchmark-cprofile-loops": "2",
    "--benchmark-cprofile-top": "3",
    "--benchmark-cprofile-dump": "x",
}


def test_every_refused_option_is_tried():
    """The next test knows all of them."""
    assert REFUSED_WORDS.keys() == {name for name, option in OPTIONS.items() if option.does == REFUSED}


@pytest.mark.parametrize("name", REFUSED_WORDS)
def test_an_option_that_cannot_be_had_is_refused_by_name(bare_here, tmp_path, name):
    """One sentence with what to use instead, also for the default's own value; no traceback, no run."""
    done = bare_here(tmp_path, *CASES, f"{name}={REFUSED_WORDS[name]}")
    assert f"{name} is not for rnnbench's suites: {OPTIONS[name].about.replace('`', '')}" in done.out + done.err
    assert "Traceback" not in done.out + done.err
    assert done.code not in (0, 1)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("where", ["words", "environment", "settings"])
def test_the_budgets_options_set_the_budget(tmp_path, where):
    """Wherever pytest takes them from, and where they equal pytest-benchmark's defaults: run.json states the budget that held."""
    words = ["--benchmark-max-time=1.0", "--benchmark-min-rounds", "5", "--benchmark-precision=0.4", "--benchmark-confidence=0.99"]
    if where == "settings":
        (tmp_path / "pytest.ini").write_text(f"[pytest]\naddopts = {' '.join(words)}\n")
    more = [*CASES, *({"words": words, "settings": ["-c", tmp_path / "pytest.ini"]}.get(where, []))]
    done = bare(tmp_path, *more, **({"PYTEST_ADDOPTS": " ".join(words)} if where == "environment" else {}))
    assert done.code == 0, done.out
    _, run = only_run(tmp_path / "results")
    wanted = {"max_time_s": 1.0, "precision": 0.4, "min_rounds": 5, "confidence": 0.99}
    assert {name: run.arguments["budget"][name] for name in wanted} == wanted
    assert {option.budget for option in OPTIONS.values() if option.does == BUDGET} == {*run.arguments["budget"]} - {"energy_s"}  # a GPU's


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--benchmark-disable",), "1 passed"),
        (("--benchmark-skip",), "1 skipped"),
        (("--benchmark-disable", "-n", "2"), "1 passed"),
        (("--benchmark-skip", "-n", "2"), "1 skipped"),
    ],
)
def test_what_is_not_timed_leaves_no_run(tmp_path, words, told):
    """The cases are tried or skipped; no record says that they failed, and nothing becomes `latest`."""
    done = bare(tmp_path, *CASES, *words)
    assert done.code == 0, done.out + done.err
    assert told in done.out
    assert "Traceback" not in done.out + done.err
    assert not list(tmp_path.glob("results/*/run.json"))


def test_a_case_that_fails_under_disable_fails_the_session(tmp_path):
    """To try the cases is to find what is broken."""
    (tmp_path / "bench_broken.py").write_text(
        "from rnnbench import Suite, grid\n"
        "SUITE = Suite('broken', title='a', question='b?', x='depth', hue='variant', cases=grid(phase='forward', seq_len=2))\n"
        "def beside(work):\n    work.step = lambda: 1 / 0\n    return 'x', work.step\n"
        "def bench_broken(measure, case):\n    measure(case, beside=beside)\n"
    )
    done = bare(tmp_path, "bench_broken.py", "--rnnbench-device=cpu", "--benchmark-disable")
    assert done.code == 1
    assert "ZeroDivisionError" in done.out
    assert not list(tmp_path.glob("results/*/run.json"))


def test_cases_side_by_side_are_refused(tmp_path):
    """-n 2 would time cases against each other."""
    done = bare(tmp_path, *CASES, "-n", "2")
    assert "-n runs cases side by side, which spoils their times" in done.out + done.err
    assert "Traceback" not in done.out + done.err
    assert done.code != 0
    assert not list(tmp_path.glob("results/*/run.json"))


def test_options_that_show_and_save_work_together(tmp_path):
    """All of those that only pytest-benchmark itself reads, an axis as a group among them."""
    words = (
        *("--benchmark-enable", "--benchmark-disable", "--benchmark-only", "--benchmark-disable-gc", "--benchmark-verbose"),
        *("--benchmark-save=one", "--benchmark-save-data", "--benchmark-storage=file://kept", "--benchmark-json=mine.json"),
        *("--benchmark-sort=mean", "--benchmark-group-by=param:depth", "--benchmark-columns=min,median", "--benchmark-name=short"),
        *("--benchmark-time-unit=us",),
    )
    done = bare(tmp_path, *CASES, *words)
    assert done.code == 0, done.out + done.err
    assert "depth=1" in done.out
    (saved,) = tmp_path.glob("kept/*/0001_one.json")
    for path in (saved, tmp_path / "mine.json"):
        (row,) = json.loads(path.read_text())["benchmarks"]
        assert row["params"]["depth"] == 1
        assert row["stats"]["data"]
    again = bare(tmp_path, *CASES, "--benchmark-storage=file://kept", "--benchmark-compare", "--benchmark-compare-fail=min:90000%")
    assert again.code == 0, again.out
    assert "0001_one" in again.out


def test_a_skip_within_a_suite_is_unsupported(tmp_path):
    """`pytest.skip` in a suite's function is a reason, not a failure."""
    (tmp_path / "bench_skipping.py").write_text(
        "import pytest\nfrom rnnbench import Suite, grid\n"
        "SUITE = Suite('skipping', title='a', question='b?', x='depth', hue='variant', cases=grid(phase='forward'))\n"
        "def bench_skipping(measure, case):\n    pytest.skip('not today')\n"
    )
    assert bare(tmp_path, "bench_skipping.py", "--rnnbench-device=cpu").code == 0
    (record,) = only_run(tmp_path / "results")[1].records
    assert (record.status, record.reason) == ("unsupported", "not today")


def test_a_run_pays_no_attention_to_pytests_own_settings(tmp_path):
    """PYTEST_ADDOPTS and a pytest.ini of the folder are not meant for the cases of `rnnbench run`."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --benchmark-disable\n")
    sets = [word for axis in SMALL for word in ("--set", axis)]
    words = ("run", "--suite", "depth", "--device", "cpu", "--preset", "quick", *sets, "--no-report")
    done = command(*words, cwd=tmp_path, PYTEST_ADDOPTS="--benchmark-disable")
    assert done.code == 0, done.err
    assert [one.status for one in only_run(tmp_path / "results")[1].records] == ["ok"]


def test_another_build_of_pytest_benchmark_is_refused_in_a_sentence(request):
    """What is used of its inside is checked before the first case."""
    with pytest.raises(
        RnnbenchError, match=r"pytest-benchmark .* has no _timer, _min_rounds, .*: install one that rnnbench was tested with"
    ):
        Benchmark(object(), request.config)
