"""The journal: a record is whole and on disk before the next begins, and a failing disk takes nothing that was there."""

import contextlib
import json
import os
import resource
import subprocess
import sys

import pytest

from rnnbench.errors import CannotWrite
from rnnbench.files import read_records, read_run
from rnnbench.journal import Journal, new_run_id, replace_whole
from tests import tools


@contextlib.contextmanager
def largest_file(size: int):
    """The kernel refuses to let a file grow beyond `size`, as a full disk would: the write before is cut short."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_run_is_on_disk_before_anything_is_measured(tmp_path):
    """Opening a journal writes run.json."""
    journal = Journal(tmp_path / "run", tools.run())
    assert read_run(journal.folder)[0].as_dict() == {**tools.run().as_dict(), "planned": []}


def test_each_record_is_one_line_in_order(tmp_path):
    """Appending never rewrites: lines come in the order of the calls, each with its newline."""
    journal = Journal(tmp_path / "run", tools.run())
    for process in range(3):
        journal.append(tools.record(process=process))
    lines = (journal.folder / "records.jsonl").read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["process"] for line in lines] == [0, 1, 2]
    assert all(line.endswith(b"\n") for line in lines)


def test_a_record_is_synced_when_append_returns(tmp_path, monkeypatch):
    """The last thing done to the journal's file is an fsync, with the whole line in it."""
    journal, synced = Journal(tmp_path / "run", tools.run()), []
    path = journal.folder / "records.jsonl"
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (real(descriptor), synced.append((os.fstat(descriptor).st_ino, path.read_bytes()))))
    journal.append(tools.record())
    assert synced[-1] == (path.stat().st_ino, path.read_bytes())
    assert path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_write_that_fails_half_way_is_taken_back(room, tmp_path):
    """When the disk takes only part of a line, earlier records are intact, no half line is left, and the error says so."""
    journal = Journal(tmp_path / "run", tools.run())
    path = journal.folder / "records.jsonl"
    journal.append(tools.record())
    before = path.read_bytes()
    with largest_file(len(before) + room), pytest.raises(CannotWrite, match=r"cannot write '.*records\.jsonl'"):
        journal.append(tools.record(process=1))
    assert path.read_bytes() == before
    journal.append(tools.record(process=2))
    assert [one.process for one in read_records(path)[0]] == [0, 2]


def test_a_file_that_cannot_be_replaced_keeps_its_old_content(tmp_path):
    """run.json is replaced whole or not at all, and no leftover lies beside it."""
    journal = Journal(tmp_path / "run", tools.run())
    path = journal.folder / "run.json"
    before = path.read_bytes()
    with largest_file(10), pytest.raises(CannotWrite):
        journal.write_run(tools.run(finished_utc="later"))
    assert path.read_bytes() == before
    assert not [one for one in journal.folder.iterdir() if one.name.startswith(".run.json")]


def test_a_full_disk_loses_nothing(tmp_path):
    """On a file system without room every record that append accepted is there, and the first refused one is not half there."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        journal, accepted = Journal(tmp_path / "run", tools.run()), []

        def fill() -> None:
            while True:
                journal.append(tools.record(process=len(accepted), times_s=(0.125,) * 500))
                accepted.append(len(accepted))

        with pytest.raises(CannotWrite, match="No space left on device"):
            fill()
        records, damage = read_records(journal.folder / "records.jsonl")
        assert ([one.process for one in records], damage) == (accepted, [])
        assert accepted
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("results", ["a_file", "a_file/below", "/proc/nothing", "/dev/null/x"])
def test_a_folder_that_cannot_be_made_is_named(results, tmp_path):
    """A results folder that cannot be written raises CannotWrite, with its path and what to do, before anything is measured."""
    (tmp_path / "a_file").write_text("mine")
    with pytest.raises(CannotWrite) as caught:
        Journal(tmp_path / results / "run", tools.run())
    assert str(tmp_path / results) in str(caught.value)
    assert "--results" in str(caught.value)
    assert (tmp_path / "a_file").read_text() == "mine"


def test_a_replaced_file_is_the_old_or_the_new(tmp_path):
    """A reader that holds the old file open keeps reading it whole while it is replaced."""
    path = tmp_path / "x.json"
    replace_whole(path, b"old")
    with path.open("rb") as old:
        replace_whole(path, b"new!")
        assert (old.read(), path.read_bytes()) == (b"old", b"new!")
    assert [one.name for one in tmp_path.iterdir()] == ["x.json"]


def test_lines_of_two_writers_do_not_mix(tmp_path):
    """Lines appended by several processes at once are all whole."""
    path = tmp_path / "x.jsonl"
    code = "import sys; from pathlib import Path; from rnnbench.journal import append_whole\n"
    code += "for _ in range(50): append_whole(Path(sys.argv[1]), sys.argv[2].encode() * 5000 + b'\\n')"
    writers = [subprocess.Popen((sys.executable, "-c", code, str(path), letter)) for letter in "ABCD"]
    assert [one.wait() for one in writers] == [0] * 4
    lines = path.read_bytes().splitlines()
    assert len(lines) == 200
    assert all(len(set(line)) == 1 and len(line) == 5000 for line in lines)


def test_run_ids_sort_by_time_and_differ():
    """Two ids of one second differ and name their suite."""
    ids = {new_run_id("depth") for _ in range(50)}
    assert len(ids) > 45
    assert all("-depth-" in one and one[:2] == "20" for one in ids)
