"""pytest-benchmark's sessions: every version, every session of a folder, and what decides comparability."""

import json

import pytest

from rnnbench.errors import BadResults
from rnnbench.gate.match import unlike_conditions
from rnnbench.gate.sources import side as named
from tests.gate.foreign.files import CPUS, put, session
from tests.gate.sides import CASE, STEP


@pytest.mark.parametrize("version", CPUS)
def test_every_version_of_pytest_benchmark_names_the_cpu(tmp_path, version):
    """Under whichever key it did; 3.0.0 states none, and then it is said that machines cannot be told apart."""
    found = named(str(put(tmp_path / "a.json", session(version))), tmp_path)
    assert found.cases["x.py::t"].values == {STEP: {0: 2.0}}
    assert found.taken_utc == ("2016-01-01T00:00:00.000Z" if version < "5" else "2026-01-01T00:00:00.000Z")
    if version == "3.0.0":
        assert any("names no CPU" in note for note in found.notes)
    else:
        assert found.machine["cpu"]["model"] == "Xeon A"


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        (session("3.1.1", cpu={"brand": "Xeon B"}), "cpu.model"),
        (session("3.4.1", cpu={"brand": "Xeon A", "count": 4}), "cpu.logical"),
        (session(machine="aarch64"), "architecture"),
        (session(options={"timer": "process_time"}), "timer"),
        (session(options={"disable_gc": True}), "disable_gc"),
        (session(options={"warmup": 100}), "warmup"),
    ],
)
def test_sessions_of_other_machines_or_options_are_not_comparable(tmp_path, other, differs):
    """Versions of the format do not hide a difference, and versions alone are none."""
    base = named(str(put(tmp_path / "a.json", session("3.4.1"))), tmp_path)
    assert set(unlike_conditions(base, named(str(put(tmp_path / "b.json", other)), tmp_path))) == {differs}
    assert not unlike_conditions(base, named(str(put(tmp_path / "c.json", session("5.3.1"))), tmp_path))


def copies(folder, sessions):
    for index, one in enumerate(sessions):
        put(folder / f"{index:04d}_x.json", one)
    return folder


@pytest.mark.parametrize(
    ("sessions", "said"),
    [
        ([session(), session(stats={"median": 2.1}, cpu={"brand_raw": "Xeon B"})], "2 files differ in cpu.model (Xeon A, Xeon B)"),
        ([session(), session(stats={"median": 2.1}, commit="def")], "2 files differ in commit (abc, def); name one as FOLDER@COMMIT"),
        ([session(), session(stats={"median": 2.1}, python_version="3.6.0")], "2 files differ in python (3.5.1, 3.6.0)"),
        ([session(), session(stats={"median": 2.1}, options={"timer": "time"})], "2 files differ in timer"),
    ],
)
def test_every_session_of_a_folder_is_asked_what_decides_comparability(tmp_path, sessions, said):
    """Not only the first: a folder of two machines, commits or timers is no side."""
    with pytest.raises(BadResults) as told:
        named(str(copies(tmp_path / "a", sessions)), tmp_path)
    assert said in str(told.value)


def test_a_session_that_was_copied_counts_once(tmp_path):
    """Six copies, written differently or without the raw rounds, are one process and no evidence."""
    whole = session(stats={"median": 2.0, "data": [1.0, 2.0, 9.0]})
    folder = copies(tmp_path / "a", [whole, whole, session(stats={"median": 2.0}), {**whole, "datetime": "2026-02-02T00:00:00"}])
    (folder / "again.JSON").write_text(json.dumps(whole, indent=3), encoding="utf-16")
    found = named(str(folder), tmp_path)
    assert found.cases["x.py::t"].values == {STEP: {0: 2.0}}
    assert "4 of 5 files are copies of another and count once" in found.notes


def test_a_benchmarks_root_is_a_side_of_one_commit(tmp_path):
    """`.benchmarks` holds a folder for each machine; `@COMMIT` chooses; several commits are refused with their names."""
    root = tmp_path / ".benchmarks"
    home = root / "Linux-CPython-3.11-64bit"
    copies(home, [session(stats={"median": 2.0 + index / 10}, commit=commit) for index, commit in enumerate(["abc1", "abc1", "def2"])])
    assert len(named(f"{root}@abc", tmp_path).cases["x.py::t"].values[STEP]) == 2
    assert named(f"{home}@def2", tmp_path).commit["hash"] == "def2"
    with pytest.raises(BadResults, match="differ in commit"):
        named(str(root), tmp_path)
    with pytest.raises(BadResults, match=r"nothing of commit '999'; it has abc1, def2"):
        named(f"{root}@999", tmp_path)


def test_two_exports_of_ours_keep_all_their_processes(tmp_path):
    """Both say that theirs is process 0: neither is overwritten."""
    for index in range(2):
        data = session(stats={"median": 2.0 + index})
        data["benchmarks"][0]["extra_info"] = {"case": CASE.as_dict(), "process": 0}
        put(tmp_path / "a" / f"{index}.json", data)
    assert named(str(tmp_path / "a"), tmp_path).cases[str(CASE)].values[STEP] == {0: 2.0, 1: 3.0}


@pytest.mark.parametrize(
    ("more", "said"),
    [({"parameters": 10**400}, "parameters of benchmark"), ({"parameters": True}, "not a number"), ({"process": 1e400}, "infinity")],
)
def test_an_extra_figure_that_is_none_is_refused(tmp_path, more, said):
    """Numbers beyond what a float holds, and what is no number, end in one sentence."""
    data = session(stats={"median": 2.0})
    data["benchmarks"][0]["extra_info"] = {"case": CASE.as_dict(), "process": 0, **more}
    put(tmp_path / "x.json", data)
    with pytest.raises(BadResults, match=said):
        named(str(tmp_path / "x.json"), tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("name", ["x.json", "x.JSON", "export.txt"])
def test_a_file_is_read_whatever_its_encoding_and_the_case_of_its_name(tmp_path, encoding, name):
    """A byte-order mark is no part of JSON."""
    (tmp_path / name).write_bytes(json.dumps(session()).encode(encoding))
    assert named(str(tmp_path / name), tmp_path).cases


def test_bytes_that_are_no_text_are_told_without_a_codecs_words(tmp_path):
    """The byte and what to do."""
    (tmp_path / "x.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(BadResults, match="not UTF-8 at byte 7") as told:
        named(str(tmp_path / "x.json"), tmp_path)
    assert "codec" not in str(told.value)
