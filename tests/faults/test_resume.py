"""Going on with a run: what is refused, what is kept, and two who want to at once."""

import json
import shutil

import pytest

from tests.faults.tools import lines, run, seeds, start
from tests.limits import hung_s, until
from tests.tools import git, only_run


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run of three cases, of which one has its record."""
    place = tmp_path_factory.mktemp("begun")
    run(place, *seeds(3), "--case-timeout", "100")
    folder, _ = only_run(place / "results")
    journal = folder / "records.jsonl"
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    return place


@pytest.fixture
def cut(begun, tmp_path):
    """A copy of it, to change."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    return only_run(tmp_path / "results")[0]


def changed(folder, change) -> None:
    data = json.loads((folder / "run.json").read_text())
    change(data)
    (folder / "run.json").write_text(json.dumps(data))


CHANGES = {
    "no plan": lambda data: data.update(planned=[]),
    "a plan of something else": lambda data: data.update(planned=[{"case": 7}]),
    "a budget of something else": lambda data: data["arguments"].update(budget="much"),
    "a limit of something else": lambda data: data["arguments"].update(case_timeout_s=[]),
    "suites of something else": lambda data: data.update(suites=[{}]),
    "a newer schema": lambda data: data.update(schema=99),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_foreign_run_is_told_and_left_alone(cut, change):
    """A run.json that is not ours ends with exit code 4 and one sentence, and nothing of the folder is changed."""
    changed(cut, CHANGES[change])
    before = {path: path.read_bytes() for path in cut.rglob("*") if path.is_file()}
    done = run(cut.parent.parent, "--resume", cut.name)
    assert done.code == 4, done
    assert "run.json" in done.err
    assert "Traceback" not in done.err
    assert {path: path.read_bytes() for path in cut.rglob("*") if path.is_file()} == before


def test_other_code_is_refused_and_results_are_no_code(tmp_path):
    """In a git checkout, a change of a tracked file is refused with exit code 4; results that git does not know are no change."""
    (tmp_path / "cell.py").write_text("1")
    for words in (("init", "-q"), ("add", "cell.py"), ("commit", "-qm", "one")):
        git(tmp_path, *words)
    run(tmp_path, *seeds(2))
    folder, _ = only_run(tmp_path / "results")
    journal = folder / "records.jsonl"
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    (tmp_path / "cell.py").write_text("2")
    refused = run(tmp_path, "--resume", folder.name)
    assert refused.code == 4
    assert "commit.changes" in refused.err
    (tmp_path / "cell.py").write_text("1")
    assert run(tmp_path, "--resume", folder.name).code == 0


def test_a_resumed_run_keeps_what_was_asked(cut):
    """Its time limit and budget are those that it began with; how and when it was taken up stands in run.json; axes are refused."""
    place = cut.parent.parent
    refused = run(place, "--resume", cut.name, *seeds(9))
    assert refused.code == 2
    assert "--set" in refused.err
    assert run(place, "--resume", cut.name).code == 0
    _, found = only_run(place / "results")
    assert found.arguments["case_timeout_s"] == 100
    (entry,) = found.arguments["resumed"]
    assert entry["at_utc"] < found.finished_utc
    assert entry["load_at_start"]["load_average_1m"] >= 0


def test_a_record_that_lacks_only_its_newline_is_kept(cut):
    """A last line that is whole but for its newline counts: it is not measured again, and the next record has a line of its own."""
    journal = cut / "records.jsonl"
    before = journal.read_bytes()
    journal.write_bytes(before[:-1])
    assert run(cut.parent.parent, "--resume", cut.name).code == 0
    assert journal.read_bytes().startswith(before)
    assert sorted(one.case.seed for one in only_run(cut.parent)[1].records) == [0, 1, 2]


def test_two_who_wait_for_the_same_run_double_nothing(tmp_path):
    """Two resumptions of one run, queued with --wait: the second finds what the first has done, and measures none of it again."""
    first = start(tmp_path, *seeds(12))
    until(lambda: lines(tmp_path) >= 1)
    (folder,) = (path.parent for path in tmp_path.glob("results/*/run.json"))
    waiting = [start(tmp_path, "--resume", folder.name, "--wait") for _ in range(2)]
    first.communicate(timeout=hung_s())
    for one in waiting:
        one.communicate(timeout=hung_s())
        assert one.returncode == 0
    assert sorted(one.case.seed for one in only_run(tmp_path / "results")[1].records) == list(range(12))


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    """A run that has a record of every case is told so: its end, and with it its duration, stays as it was."""
    run(tmp_path, *seeds(1), "--case-timeout", "100")
    folder, _ = only_run(tmp_path / "results")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = run(tmp_path, "--resume", folder.name)
    assert done.code == 0, done
    assert "nothing is left to measure" in done.err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
