"""Google Benchmark, hyperfine, Bencher and github-action-benchmark; what is said of files that are not whole."""

import json

import pytest

from rnnbench.errors import BadResults
from rnnbench.gate.compare import compare
from rnnbench.gate.formats.exports import bmf, gab
from rnnbench.gate.match import unlike_conditions
from rnnbench.gate.policy import Policy
from rnnbench.gate.sources import side as named
from tests.gate.foreign.files import GOOGLE, HEAD, NAN, entry, put, session
from tests.gate.sides import CASE, STEP, records, side, times


def test_google_benchmarks_repetitions_are_one_process(tmp_path):
    """Wall time, the median of the repetitions; errors failed, skips are unsupported, and what is no wall time is named."""
    found = named(str(put(tmp_path / "x.json", GOOGLE)), tmp_path)
    assert {name: (one.status, one.values.get(STEP, {}).get(0)) for name, one in found.cases.items()} == {
        "BM_a": ("ok", pytest.approx(4e-6)),
        "BM_b": ("ok", pytest.approx(8e-3)),
        "BM_old": ("ok", pytest.approx(6e-9)),
        "BM_bad": ("failed", None),
        "BM_skip": ("unsupported", None),
    }
    assert any(all(name in note for name in ("cpu_time", "items_per_second")) for note in found.notes)
    assert "left out, a fit of several times: BM_n" in found.notes
    assert (found.taken_utc, found.conditions) == ("2024-05-01T08:00:00.000Z", {"library_build_type": "release"})


def test_a_debug_build_of_google_benchmark_is_not_comparable(tmp_path):
    """The library says how it was built."""
    debug = {**GOOGLE, "context": {**GOOGLE["context"], "library_build_type": "debug"}}
    sides = [named(str(put(tmp_path / f"{index}.json", one)), tmp_path) for index, one in enumerate((GOOGLE, debug))]
    assert set(unlike_conditions(*sides)) == {"library_build_type"}


def test_each_run_of_hyperfine_is_a_process(tmp_path):
    """It starts one for each; runs that failed are lost; without single times the median is one process."""
    results = [
        {"command": "a", "mean": 1.0, "median": 1.1, "times": [1.0, 1.1, 9.0], "exit_codes": [0, 0, 1], "user": 0.1},
        {"command": "b", "mean": 2.0},
        {"command": "c", "times": [1.0], "exit_codes": [2]},
        {"command": "d", "times": [1.0], "parameters": {"n": "1"}},
        {"command": "d", "times": [2.0], "parameters": {"n": "2"}},
    ]
    found = named(str(put(tmp_path / "x.json", {"results": results})), tmp_path)
    assert {name: (one.status, one.values.get(STEP), one.lost) for name, one in found.cases.items()} == {
        "a": ("ok", {0: 1.0, 1: 1.1}, 1),
        "b": ("ok", {0: 2.0}, 0),
        "c": ("failed", None, 1),
        "d (n=1)": ("ok", {0: 1.0}, 0),
        "d (n=2)": ("ok", {0: 2.0}, 0),
    }
    assert "left out, not the wall time: user" in found.notes


def test_benchers_measures_are_mapped_by_their_own_units(tmp_path):
    """Latency is in nanoseconds, throughput in operations a second; any other measure is named."""
    data = {"a": {"latency": {"value": 88.0, "upper_value": 99.0}}, "b": {"throughput": {"value": 4.0}}, "c": {"file-size": {"value": 1}}}
    found = named(str(put(tmp_path / "x.json", data)), tmp_path)
    assert {name: one.values for name, one in found.cases.items()} == {"a": {STEP: {0: pytest.approx(88e-9)}}, "b": {STEP: {0: 0.25}}}
    assert "left out, a measure of no known unit: file-size of 'c'" in found.notes


def test_github_action_benchmarks_page_holds_a_side_for_each_commit(tmp_path):
    """The newest where none is named; entries of one commit are processes; units of no time are named."""
    data = {
        "lastUpdate": 1,
        "entries": {
            "Rust": [
                entry("aaa", 1000, ("t", 200, "ns/iter"), ("r", 4, "iter/sec"), ("size", 9, "B")),
                entry("aaa", 2000, ("t", 300, "ns/iter")),
                entry("bbb", 3000, ("t", 0.5, "us/op"), ("j", 2, "ops/ms")),
            ]
        },
    }
    path = tmp_path / "data.js"
    path.write_text(f"window.BENCHMARK_DATA = {json.dumps(data)};\n", encoding="utf-8")
    first = named(f"{path}@aaa", tmp_path)
    assert first.cases["t"].values[STEP] == pytest.approx({0: 2e-7, 1: 3e-7})
    assert first.cases["r"].values[STEP] == {0: 0.25}
    assert "left out, not a time: size (B)" in first.notes
    newest = named(str(path), tmp_path)
    assert newest.commit == {"hash": "bbb"}
    assert {name: one.values[STEP][0] for name, one in newest.cases.items()} == pytest.approx({"t": 5e-7, "j": 5e-4})
    assert any("the newest of 2 commits" in note for note in newest.notes)


@pytest.mark.parametrize("form", ["bmf", "gab"])
def test_what_is_exported_comes_back(tmp_path, form):
    """Case, metric and figure of every export that another tool keeps."""
    kept = side("a", records(CASE, times(0, count=3)))
    path = tmp_path / "x.json"
    path.write_text(bmf(kept) if form == "bmf" else gab(kept, "lower"), encoding="utf-8")
    back = named(str(path), tmp_path)
    wanted = kept.cases[str(CASE)].values
    for metric, values in back.cases[str(CASE)].values.items():
        assert values[0] == pytest.approx(sorted(wanted[metric].values())[len(wanted[metric]) // 2])
    assert STEP in back.cases[str(CASE)].values


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (session() | {"benchmarks": [{"name": "t"}]}, "pytest-benchmark's, but stats of benchmark 't' is absent, not an object"),
        (session(stats={"median": "fast"}), "median of benchmark 'x.py::t' is 'fast', not a number"),
        (session(stats={"data": [1.0, NAN]}), "a round of benchmark 'x.py::t' is nan, not a finite number"),
        ({**HEAD, "results": {}, "version": 3}, "asv's format 3; formats 1 and 2 are read"),
        ({**HEAD, "results": {"time_x": "1"}, "version": 1}, "the result of 'time_x' is '1', not a number"),
        ({**HEAD, "results": {"time_x": 3}}, "asv's format None"),
        ({"results": [{"command": "a"}]}, "hyperfine's, but mean of 'a' is absent"),
        ({"context": {}, "benchmarks": [{"name": "a", "real_time": 1, "time_unit": "h"}]}, "time_unit of 'a' is 'h'"),
        ({"lastUpdate": 1, "entries": {"a": [3]}}, "entry 1 of 'a' is 3, not an object"),
        ({"a": {"latency": {"value": "x"}}}, "latency of 'a' is 'x', not a number"),
        ({"other": 1}, "none of pytest-benchmark, Google Benchmark, asv, hyperfine"),
        (session() | {"benchmarks": []}, "it holds no benchmark"),
    ],
)
def test_a_file_that_is_not_whole_is_told_without_a_python_exception(tmp_path, data, said):
    """One sentence that says where and what was wanted."""
    with pytest.raises(BadResults) as told:
        named(str(put(tmp_path / "x.json", data)), tmp_path)
    assert said in str(told.value)
    assert "Error" not in str(told.value)


def test_a_folder_holds_the_results_of_one_tool(tmp_path):
    """Two tools' files are told apart."""
    put(tmp_path / "a" / "1.json", session())
    put(tmp_path / "a" / "2.json", GOOGLE)
    with pytest.raises(BadResults, match=r"1\.json is pytest-benchmark's and 2\.json is Google Benchmark's"):
        named(str(tmp_path / "a"), tmp_path)


def test_several_files_of_another_tool_are_as_many_processes(tmp_path):
    """Five runs of a program of Google Benchmark's on either side are evidence."""
    sides = []
    for name, factor in (("a", 1.0), ("b", 1.2)):
        for index, value in enumerate(times(round(factor * 10), factor=factor)):
            row = {"name": "BM", "real_time": value, "time_unit": "s"}
            put(tmp_path / name / f"{index}.json", {**GOOGLE, "benchmarks": [row]})
        sides.append(named(str(tmp_path / name), tmp_path))
    (one,) = compare(*sides, Policy()).findings
    assert (one.verdict, one.processes) == ("regressed", (10, 10))
