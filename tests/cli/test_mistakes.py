"""What a user gets wrong: one sentence with the bad value and the good ones, the documented exit code, and nothing written or lost."""

import os
import shutil

import pytest

from tests.tools import SUITES, command, toy_plugin

LONG = "a" * 300


def sentence(done, code: int) -> str:
    """The one line on standard error of a command that ended as it should."""
    assert done.code == code, (done.code, done.out, done.err)
    lines = done.err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("rnnbench: ")
    assert done.out == ""
    return lines[0].removeprefix("rnnbench: ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--suite", "dept"), "unknown suite 'dept'; choose from: depth, "),
        (("--suite", LONG), f"unknown suite '{LONG}'"),
        (("--suite", "absent/bench_x.py"), "'absent/bench_x.py' cannot be loaded: there is no such file"),
        (("--suite", "~nobody_of_that_name/bench_x.py"), "'~nobody_of_that_name/bench_x.py' cannot be loaded: there is no such file"),
        (("--suite", f"{LONG}.py"), "cannot be loaded: there is no such file"),
        (("--suite", "words.txt"), "words.txt' cannot be loaded: it is not a Python file"),
        (("--suite", "bench_broken.py"), "bench_broken.py' cannot be loaded: SyntaxError"),
        (("--suite", "bench_empty.py"), "bench_empty.py' cannot be loaded: it defines no SUITE"),
        (("--set", "depht=2"), "unknown axis 'depht'; choose from: depth, "),
        (("--set", "precision=bf61"), "unknown precision 'bf61'; choose from: bf16, "),
        (("--set", "depth=0"), "depth=0 is invalid: expected a whole number from 1"),
        (("--set", "depth"), "--set 'depth' cannot be read: write AXIS=VALUE"),
        (("--set", "variant=a/b"), "variant='a/b' is invalid"),
        (("--select", "depth >"), "--select 'depth >' cannot be read: compare axes"),
        (("--select", "dept > 1"), "unknown axis 'dept'; choose from: depth, "),
        (("--select", "__import__('os').system('touch trace')"), "cannot be read: compare axes"),
        (("--preset", "quik"), "unknown preset 'quik'; choose from: quick, "),
        (("--isolation", "proces"), "unknown isolation 'proces'; choose from: process, suite"),
        (("--case-budget", "-1"), "--case-budget=-1.0 is invalid"),
        (("--case-budget", "nan"), "--case-budget=nan is invalid"),
        (("--precision-goal", "7"), "--precision-goal=7.0 is invalid"),
        (("--min-rounds", "0"), "--min-rounds=0 is invalid"),
        (("--pin", "0,x"), "--pin '0,x' cannot be read"),
        (("--max-time", "0"), "--max-time '0' is invalid: "),
        (("--threads=-3",), "--threads '-3' is invalid: "),
        (("--threads", "two"), "--threads 'two' is invalid: "),
        (("--treads", "2"), "--treads"),
        (("--resume", "nope"), "unknown run 'nope'"),
    ],
    ids=lambda one: " ".join(one)[:50] if isinstance(one, tuple) else "",
)
def test_a_mistake_is_told_at_once(typed, words, told, tmp_path):
    """What can be checked without a device ends with exit code 2 and a sentence that quotes what was written."""
    (tmp_path / "words.txt").write_text("x")
    (tmp_path / "bench_broken.py").write_text("def (")
    (tmp_path / "bench_empty.py").write_text("")
    before = sorted(tmp_path.iterdir())
    suite = () if "--suite" in words or "--resume" in words else ("--suite", "depth")
    assert told in sentence(typed("run", *suite, *words, cwd=tmp_path), 2)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "variant=lstmm"), "unknown variant 'lstmm'; choose from: lstm, "),
        (("--set", "task=randon"), "unknown task 'randon'; choose from: random"),
        (("--device", "cuda:99"), "device 'cuda:99' not found; this machine has: cpu"),
        (("--plugin", "broken.py"), "broken.py' cannot be loaded: SyntaxError"),
        (("--plugin", "~nobody_of_that_name/x.py"), "cannot be loaded: there is no such file"),
        (("--plugin", "twice.py"), "'lstm' cannot be loaded: a variant of that name exists already"),
        (("--select", "depth > 99"), "no case is left after --select 'depth > 99'"),
        (("--select", "depth > 'x'"), "cannot be compared; quote names, leave numbers bare"),
    ],
    ids=lambda one: " ".join(one)[:50] if isinstance(one, tuple) else "",
)
def test_a_mistake_that_only_the_measuring_process_can_see_is_told(words, told, tmp_path):
    """Unknown variants and tasks, absent devices and broken plugins end with exit code 2 and a sentence, and nothing is written."""
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "twice.py").write_text("from rnnbench import variant\n@variant(source='x')\ndef lstm(case): pass\n")
    before = sorted(tmp_path.iterdir())
    assert told in sentence(command("run", "--suite", "depth", *words, cwd=tmp_path), 2)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("option", "number"),
    [("--case-timeout", "nan"), ("--case-timeout", "0"), ("--max-time", "nan"), ("--processes", "0"), ("--threads", "-3")],
)
def test_a_limit_that_makes_no_sense_is_refused(typed, option, number, tmp_path):
    """A limit of nothing, less than nothing or no number at all is refused, by its option's name and what would do."""
    done = typed("run", "--suite", "depth", "--dry-run", option, number, cwd=tmp_path)
    assert done.code == 2, done.out
    assert option in done.err
    assert "Input should be" in done.err or number in done.err
    assert "Traceback" not in done.err


def test_an_unknown_command_or_option_is_quoted(tmp_path):
    """A command or an option that there is not ends with exit code 2 and is quoted."""
    for words in (("rum",), ("run", "--suit", "depth"), ("list", "suits")):
        done = command(*words, cwd=tmp_path)
        assert done.code == 2
        assert words[1 if len(words) == 3 else -1] in done.err
        assert "Traceback" not in done.err


@pytest.mark.parametrize("results", ["a_file", "/dev/null/below"])
def test_a_results_folder_that_cannot_be_written_is_told_before_measuring(results, tmp_path):
    """A results folder that cannot be made ends with exit code 1, its path and what to do, and what was there is intact."""
    (tmp_path / "a_file").write_text("mine")
    chosen = ("--set", "variant=lstm", "--set", "depth=1", "--preset", "quick", "--results", results)
    told = sentence(command("run", "--suite", "depth", *chosen, cwd=tmp_path), 1)
    assert told.startswith("cannot write '")
    assert results in told
    assert "--results" in told
    assert (tmp_path / "a_file").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["a_file"]


def test_a_busy_device_is_told_with_its_holder(tmp_path):
    """A second run on a device that is in use ends with exit code 1 and says who uses it and how to wait."""
    import fcntl
    import json

    with (tmp_path / "rnnbench-toy.lock").open("w") as file:
        file.write(json.dumps({"host": "here", "pid": os.getpid(), "started_utc": "just now"}))
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        words = ("--suite", "depth", "--device", "toy", "--plugin", toy_plugin(), "--preset", "quick")
        told = sentence(command("run", *words, cwd=tmp_path, RNNBENCH_LOCKS=str(tmp_path)), 1)
    assert f"in use by process {os.getpid()} on here since just now" in told
    assert "--wait" in told
    assert [path.name for path in tmp_path.iterdir()] == ["rnnbench-toy.lock"]


@pytest.fixture
def damaged(finished, tmp_path):
    """A copy of a run whose journal holds garbage, a foreign object, bytes that are no text, and a half-written end."""
    home = next((finished[0] / "results").glob("*/run.json")).parent
    shutil.copytree(home, tmp_path / "results" / home.name)
    journal = tmp_path / "results" / home.name / "records.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(b"garbage\n" + whole + b'{"some": "other tool"}\n\xff\xfe\n' + whole.splitlines()[0][:50])
    return journal


def test_a_damaged_journal_is_reported_with_what_is_whole(damaged, tmp_path):
    """report reads the whole records, tells every damaged line by its number, and changes nothing."""
    before = damaged.read_bytes()
    done = command("report", cwd=tmp_path)
    assert done.code == 0, done.err
    told = done.err.strip().splitlines()
    assert [f"line {number}:" in line for number, line in zip((1, 14, 15, 16), told, strict=True)] == [True] * 4
    assert "half-written when the run was killed" in told[-1]
    assert damaged.read_bytes() == before
    (page,) = (tmp_path / "reports").glob("*.html")
    assert str(page.relative_to(tmp_path)) in done.out


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "not JSON"), (b'{"benchmarks": []}', "states no schema"), (b'{"schema": 99}', "update rnnbench"), (b"\xff\xfe\x00", "not JSON")],
)
def test_a_folder_of_another_tool_is_refused(typed, content, why, tmp_path):
    """report on a folder whose run.json is not ours ends with exit code 4 and says why, and the folder is as it was."""
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "run.json").write_bytes(content)
    assert why in sentence(typed("report", "foreign", cwd=tmp_path), 4)
    assert [path.name for path in tmp_path.rglob("*")] == ["foreign", "run.json"]
    assert (tmp_path / "foreign" / "run.json").read_bytes() == content


def test_a_journal_with_no_record_at_all_is_told(typed, damaged, tmp_path):
    """report on a run none of whose lines is a record ends in sentences, not in a traceback."""
    damaged.write_bytes(b"garbage\n" * 3)
    done = typed("report", cwd=tmp_path)
    assert "Traceback" not in done.err
    assert all(line.startswith("rnnbench: ") for line in done.err.splitlines())
    assert done.code in (0, 4)


@pytest.mark.parametrize("name", ["nope", "", "../..", "/dev/null", LONG])
def test_an_unknown_run_lists_those_that_are(typed, name, finished, tmp_path):
    """A run that there is not is quoted with those that there are."""
    folder, _ = finished
    (home,) = (path.parent for path in (folder / "results").glob("*/run.json"))
    told = sentence(typed("report", name, "--results", folder / "results", cwd=tmp_path), 2)
    assert repr(name) in told
    assert home.name in told


def test_a_report_that_cannot_be_written_is_told(typed, finished, tmp_path):
    """report into a place that cannot be written ends with exit code 1 and its path."""
    told = sentence(typed("report", "--results", finished[0] / "results", "--out", "/dev/null/x", cwd=tmp_path), 1)
    assert "cannot write '/dev/null/x" in told


def test_a_suite_of_the_same_name_elsewhere_is_read_by_its_path(tmp_path):
    """A path is a path: a user's copy of a shipped suite is loaded from where it lies."""
    text = (SUITES / "bench_depth.py").read_text().replace("depth=(1, 2, 4, 8)", "depth=(5, 6)")
    (tmp_path / "bench_depth.py").write_text(text)
    words = ("--set", "variant=lstm", "--set", "precision=fp32", "--set", "phase=train", "--dry-run", "--json", "--device", "cpu")
    done = command("run", "--suite", "./bench_depth.py", *words, cwd=tmp_path)
    assert [row["id"].split("-")[2] for row in done.told["cases"]] == ["L5", "L6"]
