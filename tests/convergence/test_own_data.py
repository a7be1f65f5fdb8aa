"""Data of a user's own: what is made of them, and what is said of a file that will not do."""

import random
import re

import pytest

from rnnbench.errors import Unsupported
from rnnbench.own_data import BadData, task_of
from rnnbench.tasks import PROBLEMS
from rnnbench.tasks._own import HORIZON, IGNORE, add
from tests.tools import SUITES, bare, command, only_run, small_case

WORDS = ("one", "two", "three", "four", "five")


def pairs_file(folder, count=80):
    chance = random.Random(0)
    rows = {tuple(chance.choices(WORDS, k=4)) for _ in range(count * 2)}
    path = folder / "pairs.tsv"
    path.write_text("".join(f"{' '.join(row)}\t{' '.join(word.upper() for word in reversed(row))}\n" for row in sorted(rows)[:count]))
    return path


def series_file(folder, rows=400):
    path = folder / "series.csv"
    path.write_text("load,wind\n" + "".join(f"{i % 24},{(i * 7) % 13}\n" for i in range(rows)))
    return path


def text_file(folder):
    path = folder / "text.txt"
    path.write_text("the quick brown fox jumps over the lazy dog\n" * 100)
    return path


def test_pairs_are_a_translation(tmp_path):
    """Source in the first half, translation in the second; no source is in two splits; the name holds no folder."""
    name = add(pairs_file(tmp_path))
    assert re.fullmatch(r"own_pairs:[0-9a-f]{8}", name)
    data = PROBLEMS[name].make(small_case(seq_len=12))
    assert len(data.train) + len(data.validation) + len(data.test) == 80
    assert (data.train.y[:, :5] == IGNORE).all()
    sources = [{tuple(row[:6].tolist()) for row in part.x} for part in (data.train, data.validation, data.test)]
    assert not sources[0] & sources[1]
    assert not sources[0] & sources[2]
    with pytest.raises(Unsupported, match="use --set seq_len=10"):
        PROBLEMS[name].make(small_case(seq_len=8))


def test_a_series_is_scaled_by_what_is_trained_on(tmp_path):
    """Splits follow one another in time; the training rows have mean 0 and deviation 1; naive's error is 1."""
    data = PROBLEMS[add(series_file(tmp_path))].make(small_case(seq_len=24))
    assert data.train.x.shape[1:] == (24, 2)
    assert data.train.y.shape[1] == data.outputs == HORIZON
    assert float(data.test.unit * data.test.y.abs().mean()) == pytest.approx(1)
    assert float(data.train.x[:, 0].mean()) == pytest.approx(0, abs=0.1)


def test_a_text_is_characters(tmp_path):
    """Each label is the next character."""
    data = PROBLEMS[add(text_file(tmp_path))].make(small_case(seq_len=16))
    assert (data.train.x[0, 1:] == data.train.y[0, :-1]).all()
    assert data.trivial > 3


def test_another_content_is_another_task(tmp_path):
    """The name goes by the content: where it lies does not matter."""
    first = task_of(series_file(tmp_path))
    assert task_of(series_file(tmp_path)) == first
    assert task_of(series_file(tmp_path, rows=401)) != first


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.tsv", "one two\n", "line 1: wanted a source, one tab and its translation; found 0 tabs in 'one two'"),
        ("a.tsv", "a\tb\nc\t\n", "line 2: wanted a source"),
        ("a.tsv", "a\tb\n", "1 different sources; 50 or more are needed"),
        ("a.csv", "x,y\n1,2\n3,four\n", "line 3: wanted numbers between commas; found 'four'"),
        ("a.csv", "1,2\n3\n", "line 2: wanted 2 columns, as before; found 1"),
        ("a.csv", "1,2\nnan,3\n", "line 2: wanted finite numbers"),
        ("a.csv", "1\n" * 9, "9 rows of numbers; 200 or more"),
        ("a.txt", "short", "5 characters; 2000 or more"),
        ("a.txt", "x" * 10_001, "line 1: 10001 characters; a line may have 10000"),
        ("a.json", "{}", "which ends in none of .tsv"),
    ],
)
def test_what_will_not_do_is_told(tmp_path, name, text, said):
    """One sentence with the file, the line and what was wanted; exit code of a mistake in use."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(BadData, match=re.escape(said)) as told:
        add(path)
    assert str(path) in str(told.value)
    assert told.value.exit_code == 2


def test_bytes_that_are_no_text_are_told(tmp_path):
    """So is a file that is not there."""
    (tmp_path / "a.txt").write_bytes(b"abc\xff")
    with pytest.raises(BadData, match="not UTF-8 at byte 3"):
        add(tmp_path / "a.txt")
    with pytest.raises(BadData, match="No such file"):
        task_of(tmp_path / "b.tsv")


def test_a_run_learns_from_a_file(tmp_path):
    """`rnnbench run --data` trains on it; the case names the file and its content, and a bad file ends it with exit code 2."""
    few = ("--set", "variant=lstm", "--set", "seed=0", "--set", "max_steps=5", "--set", "seq_len=12", "--no-report")
    done = command("run", "--data", pairs_file(tmp_path), *few, cwd=tmp_path)
    assert done.code == 0, done.err
    (record,) = only_run(tmp_path / "results")[1].records
    assert record.status == "ok"
    assert record.case.task == task_of(tmp_path / "pairs.tsv")
    assert "test_quality" in record.metrics
    (tmp_path / "bad.tsv").write_text("no tab\n")
    bad = command("run", "--data", tmp_path / "bad.tsv", *few, cwd=tmp_path)
    assert bad.code == 2
    assert "line 1" in bad.err
    assert "Traceback" not in bad.err


def test_plain_pytest_learns_from_a_file(tmp_path):
    """`--rnnbench-data` is the same file, read in the session itself."""
    axes = (f"--rnnbench-set={one}" for one in ("variant=lstm", "seed=0", "max_steps=5", "seq_len=12"))
    done = bare(tmp_path, SUITES / "bench_own_data.py", "--rnnbench-device=cpu", "--rnnbench-data", series_file(tmp_path), *axes)
    assert done.code == 0, done.out
    (record,) = only_run(tmp_path / "results")[1].records
    assert (record.status, record.case.task) == ("ok", task_of(tmp_path / "series.csv"))
