"""What may be named as a side: baselines, pytest-benchmark's and asv's files; and what is wrong with what may not."""

import json
from dataclasses import replace

import pytest

from rnnbench.errors import BadResults, RnnbenchError, UsageError
from rnnbench.gate.baseline import baseline_text, read_baseline
from rnnbench.gate.compare import compare
from rnnbench.gate.policy import Policy
from rnnbench.gate.sources import side as named
from rnnbench.runs.export import benchmark_json
from tests.gate.sides import CASE, STEP, benchmark_file, lost, records, side, times, write
from tests.reports.factory import run

OTHER = replace(CASE, depth=2)


def save(results, name, text):
    """A baseline's file."""
    folder = results / "baselines"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def test_a_baseline_compares_as_the_run_does(tmp_path):
    """What a baseline keeps gives the verdicts that its run gives."""
    base = side("a", records(CASE, times(0)), lost(OTHER))
    save(tmp_path, "main", baseline_text(base))
    kept = named("baseline:main", tmp_path)
    candidate = side("b", records(CASE, times(1, factor=1.1)), records(OTHER, times(2)))
    one, other = (
        {(finding.case, finding.metric): finding.verdict for finding in compare(which, candidate, Policy()).findings}
        for which in (base, kept)
    )
    assert one == other
    assert "regressed" in one.values()
    assert "mended" in one.values()


def test_a_baseline_is_stable_and_reads_in_lines(tmp_path):
    """The same side gives the same text whatever the order of its cases; a changed figure changes one line."""
    one, other = records(CASE, times(0)), records(OTHER, times(1))
    text = baseline_text(side("a", one, other))
    assert text == baseline_text(side("a", other, one))
    changed = baseline_text(side("a", one, records(OTHER, times(1), metrics={"operators": 8.0})))
    assert sum(a != b for a, b in zip(text.splitlines(), changed.splitlines(), strict=True)) == 1
    assert json.loads(text)["cases"].keys() == {str(CASE), str(OTHER)}


def test_an_exact_baseline_holds_no_times(tmp_path):
    """With exact figures only, nothing in the file differs from one day to the next but the commit and the date."""
    texts = [baseline_text(side("a", records(CASE, times(seed))), exact_only=True) for seed in (0, 1)]
    assert texts[0] == texts[1]
    assert STEP not in texts[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ("[]", "states no schema"),
        ('{"schema": 99, "cases": {}}', "schema 99"),
        ('{"schema": 1}', "not a baseline"),
        ('{"schema": 1, "cases": {"x": {"status": "fine"}}}', "unknown status"),
        ('{"schema": 1, "cases": {"x": {"status": "ok", "sampled": {"step_time_s": {"0": NaN}}}}}', "not a finite number"),
        ('{"schema": 1, "cases": {"x": {"status": "ok", "exact": {"parameters": "many"}}}}', "not a finite number"),
        ('{"schema": 1, "cases": {"x": {"status": "ok", "axes": {"suite": "s", "wings": 2}}}}', "wings"),
    ],
)
def test_a_baseline_that_is_none_is_told(tmp_path, text, told):
    """Another schema, a half-written file and figures that are no numbers end in a sentence and 4."""
    save(tmp_path, "main", text)
    with pytest.raises(BadResults, match=told) as caught:
        named("baseline:main", tmp_path)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("name", ["../x", "a b", "", ".hidden", "x" * 65])
def test_names_that_no_file_should_have_are_refused(tmp_path, name):
    """A baseline's name leads out of no folder."""
    with pytest.raises(UsageError, match="baseline"):
        read_baseline(tmp_path, name)


def test_an_unknown_baseline_is_told_with_those_that_are(tmp_path):
    """The good names stand in the message."""
    save(tmp_path, "main", baseline_text(side("a", records(CASE, times(0)))))
    with pytest.raises(UsageError, match="'mian'; choose from: main"):
        named("baseline:mian", tmp_path)


def test_our_own_export_comes_back_as_the_run(tmp_path):
    """A run's benchmark.json, in pytest-benchmark's form, is as good a side as the run: case, process and median."""
    found = [*records(CASE, times(0)), *records(OTHER, times(1))]
    path = tmp_path / "benchmark.json"
    path.write_text(json.dumps(benchmark_json(run(found))), encoding="utf-8")
    back = named(str(path), tmp_path)
    assert back.cases[str(CASE)].values[STEP] == pytest.approx(dict(enumerate(times(0))))
    assert back.cases[str(CASE)].axes == CASE.as_dict()


def test_a_folder_of_sessions_is_a_side_of_as_many_processes(tmp_path):
    """pytest-benchmark's files of ten sessions on either side are evidence; one file is advice."""
    sides = []
    for name, factor in (("a", 1.0), ("b", 1.1)):
        (tmp_path / name).mkdir()
        for index, value in enumerate(times(len(name) + round(factor * 10), factor=factor)):
            benchmark_file(tmp_path / name / f"{index}.json", {"test_x": [value, value, 2 * value]})
        sides.append(named(str(tmp_path / name), tmp_path))
    (one,) = compare(*sides, Policy()).findings
    assert (one.verdict, one.processes) == ("regressed", (10, 10))
    single = [named(str(tmp_path / name / "0.json"), tmp_path) for name in "ab"]
    (one,) = compare(*single, Policy()).findings
    assert (one.verdict, one.reason[:8]) == ("inconclusive", "advisory")


def test_a_session_without_raw_data_gives_its_median(tmp_path):
    """pytest-benchmark saves raw data only when asked."""
    path = benchmark_file(tmp_path / "x.json", {"t": [1.0, 2.0, 9.0]})
    data = json.loads(path.read_text(encoding="utf-8"))
    del data["benchmarks"][0]["stats"]["data"]
    path.write_text(json.dumps(data), encoding="utf-8")
    assert named(str(path), tmp_path).cases["t"].values == {STEP: {0: 2.0}}


ASV = {
    "commit_hash": "abc",
    "params": {"machine": "m", "cpu": "EPYC", "num_cpu": "2"},
    "python": "3.11",
    "result_columns": ["result", "params", "version"],
    "results": {
        "lstm.Time.time_step": [[0.5, None, float("nan")], [["'fp32'", "'bf16'", "'fp16'"]], "v"],
        "lstm.time_all": [[0.25], [], "v"],
        "lstm.track_loss": [[3.0], [], "v"],
    },
    "version": 2,
}


def test_asv_results_are_read(tmp_path):
    """Each combination of parameters is a case; null failed, NaN was skipped; what is no time is named."""
    path = tmp_path / "abc-env.json"
    path.write_text(json.dumps(ASV), encoding="utf-8")
    found = named(str(path), tmp_path)
    status = {name: (one.status, one.values.get(STEP, {}).get(0)) for name, one in found.cases.items()}
    assert status == {
        "lstm.Time.time_step('fp32')": ("ok", 0.5),
        "lstm.Time.time_step('bf16')": ("failed", None),
        "lstm.Time.time_step('fp16')": ("unsupported", None),
        "lstm.time_all": ("ok", 0.25),
    }
    assert found.notes == ("left out, not a time: lstm.track_loss",)
    assert found.machine["cpu"] == {"model": "EPYC", "logical": 2}


@pytest.mark.parametrize(
    "data",
    [
        {"machine_info": {}, "benchmarks": [{}]},
        {"machine_info": {}, "benchmarks": [3]},
        {"machine_info": {}, "benchmarks": [{"fullname": "x", "stats": {"data": ["a"]}}]},
        {"commit_hash": "a", "results": {"time_x": 3}},
        {"commit_hash": "a", "results": {"time_x": [["fast"], []]}},
        {"other": 1},
        [],
        None,
    ],
)
def test_files_of_no_kind_are_told(tmp_path, data):
    """A JSON file that is none of those ends in a sentence, never a traceback."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(RnnbenchError, match=r"x\.json"):
        named(str(path), tmp_path)


def test_half_a_run_is_told(tmp_path):
    """Lines that hold no record, NaN among them, are set aside and told in the comparison's notes."""
    folder = write(tmp_path, "r1", records(CASE, times(0)))
    with (folder / "records.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"case": {"suite": "depth"}, "status": "ok", "times_s": [NaN]}\n{"case"')
    found = named("r1", tmp_path)
    assert len(found.notes) == 2
    assert len(found.cases[str(CASE)].values[STEP]) == 10
