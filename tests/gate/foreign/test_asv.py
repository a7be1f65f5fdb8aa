"""asv's results: every form of both formats, times by its own rule, skips that are no failures."""

import pytest

from rnnbench.errors import BadResults
from rnnbench.gate.compare import compare
from rnnbench.gate.policy import Policy
from rnnbench.gate.sources import side as named
from tests.gate.foreign.files import COLUMNS, HEAD, NAN, TWO, put
from tests.gate.sides import STEP, times


@pytest.mark.parametrize(
    ("version", "value", "wanted"),
    [
        (1, 0.5, {"m.time_x": 0.5}),
        (1, None, {"m.time_x": None}),
        (1, NAN, {"m.time_x": NAN}),
        (1, {"result": 0.5, "stats": {"ci_99": [0, 1]}}, {"m.time_x": 0.5}),
        (1, {"result": [0.5], "params": [], "samples": [[0.5]], "stats": [None]}, {"m.time_x": 0.5}),
        (1, {"result": [0.5, None], "params": TWO}, {"m.time_x('a')": 0.5, "m.time_x('b')": None}),
        (1, {"result": None, "params": TWO}, {"m.time_x('a')": None, "m.time_x('b')": None}),
        (1, {"result": [0.5], "params": TWO}, {"m.time_x('a')": 0.5, "m.time_x('b')": None}),
        (2, [[0.5]], {"m.time_x": 0.5}),
        (2, [[0.5], []], {"m.time_x": 0.5}),
        (2, [[0.5], None], {"m.time_x": 0.5}),
        (2, [None, []], {"m.time_x": None}),
        (2, [], {"m.time_x": None}),
        (2, None, {"m.time_x": None}),
        (2, [0.5, []], {"m.time_x": 0.5}),
        (2, [None, TWO, "v"], {"m.time_x('a')": None, "m.time_x('b')": None}),
        (2, [[NAN, 0.5], TWO, "v", 1, 2.0, [None, 0.1], None, "x"], {"m.time_x('a')": NAN, "m.time_x('b')": 0.5}),
    ],
)
def test_every_form_of_asvs_results_is_read(tmp_path, version, value, wanted):
    """As asv's own loader reads both of its formats: a number, null or an object in the first, a row of columns in the second."""
    data = {**HEAD, "results": {"m.time_x": value}, "version": version, **({"result_columns": COLUMNS} if version == 2 else {})}
    found = named(str(put(tmp_path / "x.json", data)), tmp_path)
    status = {None: "failed", NAN: "unsupported"}
    assert {name: one.status for name, one in found.cases.items()} == {name: status.get(value, "ok") for name, value in wanted.items()}
    values = {name: one.values[STEP][0] for name, one in found.cases.items() if one.status == "ok"}
    assert values == {name: value for name, value in wanted.items() if value is not None and value == value}
    assert found.taken_utc == "2017-07-14T02:40:00.000Z"


@pytest.mark.parametrize(
    ("name", "is_time"),
    [
        *((name, True) for name in ("time_x", "m.C.time_x", "TimeXy", "m.TimeSuite", "m.Time_x", "timeraw_x", "m.TimerawXy")),
        *(
            (name, False)
            for name in ("mem_x", "m.MemX", "peakmem_x", "m.PeakMemX", "track_x", "m.TrackX", "time", "m.timing", "m.Timexy", "TimeX")
        ),
    ],
)
def test_a_time_is_told_by_asvs_own_rule(tmp_path, name, is_time):
    """What is none is named in a note, never dropped in silence."""
    data = {**HEAD, "results": {name: 0.5, "m.time_other": 0.5}, "version": 1}
    found = named(str(put(tmp_path / "x.json", data)), tmp_path)
    assert (name in found.cases) == is_time
    assert found.notes == (() if is_time else (f"left out, not a time: {name}",))


def test_benchmarks_json_beside_asvs_results_states_types_and_units(tmp_path):
    """Its type goes before the rule for names, and a tracked figure in a unit of time is a time."""
    kinds = {
        "version": 2,
        "m.Suite": {"type": "time", "unit": "seconds"},
        "m.track_wait": {"type": "track", "unit": "ms"},
        "m.time_like": {"type": "track", "unit": "bytes"},
    }
    put(tmp_path / "results" / "benchmarks.json", kinds)
    data = {**HEAD, "results": {"m.Suite": 0.5, "m.track_wait": 250, "m.time_like": 7.0}, "version": 1}
    found = named(str(put(tmp_path / "results" / "m" / "abc-env.json", data)), tmp_path)
    assert {name: one.values[STEP][0] for name, one in found.cases.items()} == {"m.Suite": 0.5, "m.track_wait": 0.25}
    assert found.notes == ("left out, not a time: m.time_like",)


def test_asvs_machine_folder_holds_a_side_for_each_commit(tmp_path):
    """machine.json and benchmarks.json are no results; of several commits one is named."""
    home = tmp_path / "results" / "m"
    put(home / "machine.json", {"machine": "m", "version": 1})
    put(home / "abc-env.json", {**HEAD, "env_name": "a", "results": {"m.time_x": 0.5}, "version": 1})
    put(home / "abc-other.json", {**HEAD, "env_name": "b", "results": {"m.time_x": 0.7}, "version": 1})
    put(home / "def-env.json", {**HEAD, "commit_hash": "def", "results": {"m.time_x": 0.6}, "version": 1})
    assert named(f"{home}@def", tmp_path).cases["m.time_x"].values[STEP] == {0: 0.6}
    with pytest.raises(BadResults, match=r"its 3 files differ in commit \(abc, def\); name one as FOLDER@COMMIT"):
        named(str(home), tmp_path)


def test_a_suite_with_skips_can_end_with_0(tmp_path):
    """What both sides skipped is as it should be, what failed on both sides is not. Each file of a folder is a process."""

    def ends_with(second):
        sides = []
        for name, seed in (("a", 0), ("b", 1)):
            for index, value in enumerate(times(seed, cv=0.001)):
                rows = {"m.time_x": [[value, second], TWO, "v"]}
                put(tmp_path / name / f"{index}.json", {**HEAD, "results": rows, "result_columns": COLUMNS, "version": 2})
            sides.append(named(str(tmp_path / name), tmp_path))
        return compare(*sides, Policy()).exit_code

    assert ends_with(NAN) == 0
    assert ends_with(None) != 0


def test_files_of_two_environments_are_no_side(tmp_path):
    """asv measures a commit in each of its environments: figures of several are not processes of one."""
    for name in "ab":
        put(tmp_path / "r" / f"{name}.json", {**HEAD, "env_name": name, "results": {"time_x": ord(name)}, "version": 1})
    with pytest.raises(BadResults, match=r"differ in environment \(a, b\); name files of one"):
        named(str(tmp_path / "r"), tmp_path)
