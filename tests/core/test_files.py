"""Reading a run's folder: whatever lies in it, what is whole is read, what is not is told, and nothing is changed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench import files
from rnnbench.errors import BadResults
from rnnbench.files import read_records, read_run
from rnnbench.journal import Journal
from tests import tools


def line(**fields) -> bytes:
    return json.dumps(tools.record(**fields).as_dict()).encode() + b"\n"


GOOD = line()
FOREIGN = [
    b"garbage\n",
    b"\xff\xfe\x00binary\x00\n",
    b'{"a": 1}\n',
    b"[]\n",
    b"null\n",
    b'"text"\n',
    b"1\n",
    b"NaN\n",
    b"{" * 100_000 + b"\n",
    b"[" * 100_000 + b"\n",
    b'{"case": {"suite": "s"}, "status": "ok", "times_s": [1e999]}\n',
    b'{"case": {"suite": "s"}, "status": "ok", "process": 1e999}\n',
    b'{"case": {"suite": "s"}, "status": "ok", "times_s": [1' + b"0" * 400 + b"]}\n",
    b'{"case": {"suite": "s"}, "status": "ok", "times_s": [1' + b"0" * 5000 + b"]}\n",
    "é\n".encode("latin-1"),
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda one: repr(one[:30]))
def test_a_foreign_line_costs_only_itself(foreign, tmp_path):
    """A line that holds no record is told by its number, and the records around it are read."""
    path = tmp_path / "records.jsonl"
    path.write_bytes(GOOD + foreign + GOOD)
    records, damage = read_records(path)
    assert records == [tools.record(), tools.record()]
    assert [(one.line, one.last) for one in damage] == [(2, False)]
    assert str(damage[0]).startswith("line 2: ")


@given(st.integers(1, len(GOOD) - 2))
def test_a_half_written_end_is_told_as_such(cut):
    """A record cut off anywhere is reported as the end of a run that was killed, and what came before it is read."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "records.jsonl")
        path.write_bytes(GOOD + GOOD[:cut])
        records, (damage,) = read_records(path)
    assert records == [tools.record()]
    assert (damage.line, damage.last) == (2, True)
    assert "killed" in str(damage)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_told(data):
    """No content of records.jsonl raises; every line that is not blank is a record or damage."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "records.jsonl")
        path.write_bytes(data)
        records, damage = read_records(path)
    assert len(records) + len(damage) == sum(1 for one in data.split(b"\n") if one.strip())


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_without_end_takes_no_memory(end, tmp_path, monkeypatch):
    """A line longer than the limit is told once, is not held in memory, and the next line is read."""
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 4096)
    path = tmp_path / "records.jsonl"
    path.write_bytes(GOOD + b"x" * 40_000 + end + (GOOD if end else b""))
    records, (damage,) = read_records(path)
    assert len(records) == (2 if end else 1)
    assert (damage.line, damage.why) == (2, "longer than 4096 bytes")


@pytest.mark.parametrize("size", [4095, 4096, 4097, 8192, 8193])
def test_a_line_at_the_limit_does_not_swallow_the_next(size, tmp_path, monkeypatch):
    """Whatever a foreign line's length against the limit, the record after it is read."""
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 4096)
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"x" * size + b"\n" + GOOD)
    records, damage = read_records(path)
    assert (len(records), len(damage)) == (1, 1)


def test_no_journal_is_no_record(tmp_path):
    """A run that was killed before its first record has none, without complaint."""
    assert read_records(tmp_path / "records.jsonl") == ([], [])


def test_a_journal_that_cannot_be_read_is_named(tmp_path):
    """A folder in the journal's place is refused by its path."""
    (tmp_path / "records.jsonl").mkdir()
    with pytest.raises(BadResults, match=r"records\.jsonl' is not a readable run"):
        read_records(tmp_path / "records.jsonl")


def test_reading_changes_nothing(tmp_path):
    """A damaged folder is byte for byte what it was after it has been read."""
    folder = Journal(tmp_path / "run", tools.run()).folder
    (folder / "records.jsonl").write_bytes(GOOD + b"garbage\n" + GOOD[:20])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    run, damage = read_run(folder)
    assert (len(run.records), len(damage)) == (1, 2)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "does not hold an object"),
        (b'{"machine_info": {}, "benchmarks": []}', "states no schema"),
        (b'{"schema": 99}', "has schema 99"),
    ],
)
def test_a_run_file_that_is_none_is_refused_with_why(content, why, tmp_path):
    """A run.json that is empty, cut off, binary, foreign or newer raises BadResults that names the file and says why."""
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(BadResults, match=why) as caught:
        read_run(tmp_path)
    assert str(tmp_path / "run.json") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("make", "why"), [(True, "holds no run.json"), (False, "there is no such folder")])
def test_a_folder_that_is_no_run_is_refused(make, why, tmp_path):
    """A folder without run.json, or no folder at all, is refused as such."""
    if make:
        (tmp_path / "x").mkdir()
    with pytest.raises(BadResults, match=why):
        read_run(tmp_path / "x")
