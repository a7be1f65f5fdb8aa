"""Data of a user's own: what is made of them, and what is said of a file that will not do."""

import random
import re

import pytest

from rnnbench.errors import Unsupported, UsageError
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
        ("a.txt", "x" * 10_001, "it is 'x' over and over: there is nothing to learn"),
        ("a.tsv", "x" * 10_001, "line 1: 10001 characters; a line may have 10000"),
        ("a.tsv", "".join(f"w{i}\tsame\n" for i in range(60)), "every source has the same translation, 'same'"),
        ("a.json", "{}", "must end in one of .tsv"),
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


def test_a_text_is_learned_as_it_is(tmp_path):
    """Blank lines, CR, the final newline and U+2028 are characters of the text; a byte-order mark is not."""
    text = "one\n\ntwo\r\n\u2028" * 300 + "\n"
    (tmp_path / "a.txt").write_bytes(text.encode("utf-8-sig"))
    problem = PROBLEMS[add(tmp_path / "a.txt")]
    assert problem.about == f"the next character of a text of {len(text)}"
    assert problem.make(small_case(seq_len=16)).vocabulary == len(set(text))


def test_a_text_on_one_line_of_any_length_is_learned(tmp_path):
    """A million characters without a line end are a text."""
    (tmp_path / "a.txt").write_text("abcdefghij" * 100_000)
    assert PROBLEMS[add(tmp_path / "a.txt")].about == "the next character of a text of 1000000"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("make", [pairs_file, series_file, text_file])
def test_every_kind_of_file_is_read_in_every_certain_encoding(tmp_path, encoding, make):
    """The data are those of the same file in UTF-8."""
    path = make(tmp_path)
    text = path.read_text()
    wanted = PROBLEMS[add(path)].make(small_case(seq_len=20))
    path.write_bytes(text.encode(encoding))
    data = PROBLEMS[add(path)].make(small_case(seq_len=20))
    assert data.train.x.equal(wanted.train.x)
    assert data.test.y.equal(wanted.test.y)


def test_every_translation_of_a_source_is_kept_in_one_split(tmp_path):
    """None is overwritten, a line that is there twice counts once, and the task says that there are several."""
    rows = [(f"w{i} w{i + 1}", f"t{i}") for i in range(80)]
    more = [*rows, *((source, f"other {target}") for source, target in rows[:5]), rows[0]]
    path = tmp_path / "several.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in more))
    problem = PROBLEMS[add(path)]
    data = problem.make(small_case(seq_len=8))
    parts = (data.train, data.validation, data.test)
    assert sum(map(len, parts)) == 85
    sources = [{tuple(row[:4].tolist()) for row in part.x} for part in parts]
    assert not sources[0] & sources[1] | sources[0] & sources[2] | sources[1] & sources[2]
    assert "5 sources have several translations" in problem.about


@pytest.mark.parametrize("mark", ["\u2028", "\x0b", "\x0c", "\x85", "\x1e"])
def test_only_cr_and_lf_end_a_line(tmp_path, mark):
    """A field may hold any other line separator, and the number in a message is the editor's."""
    rows = "".join(f"a{i}{mark}b\tc{i}\r\n" for i in range(60))
    (tmp_path / "a.tsv").write_bytes(rows.encode())
    assert "60 pairs" in PROBLEMS[add(tmp_path / "a.tsv")].about
    (tmp_path / "b.tsv").write_bytes((rows + "\r\nno tab\r\n").encode())
    with pytest.raises(BadData, match="line 62: wanted a source"):
        add(tmp_path / "b.tsv")


DAYS = [f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(300)]


def table(folder, header, row, rows=300, name="t.csv"):
    path = folder / name
    path.write_text((f"{header}\n" if header else "") + "".join(f"{row(i)}\n" for i in range(rows)), encoding="utf-8")
    return path


def test_dates_are_left_out_and_the_target_is_chosen_by_name(tmp_path):
    """A column of dates is no input; the task says so; the chosen column is what is forecast."""
    path = table(tmp_path, "when,load,wind", lambda i: f"2024-{1 + i // 28:02d}-{1 + i % 28:02d},{i % 24},{(i * 7) % 13}")
    first, second = PROBLEMS[add(path)], PROBLEMS[add(f"{path}::target=wind")]
    assert "next 12 values of 'load'" in first.about
    assert "left out: 'when' (dates)" in first.about
    assert "next 12 values of 'wind'" in second.about
    one, other = (problem.make(small_case(seq_len=10)) for problem in (first, second))
    assert one.train.x.shape[2] == other.train.x.shape[2] == 2
    assert one.train.x[:, :, 0].equal(other.train.x[:, :, 1])
    assert first.name != second.name


@pytest.mark.parametrize(
    ("header", "row", "said", "settled"),
    [
        ("", lambda i: f"{i % 9},{i % 7}", "'0,0' may be two columns or one number with a decimal comma", "separator=comma"),
        ("", lambda i: f"{i % 9},{i % 7}", "add ::separator=comma or ::decimal=comma", "decimal=comma"),
        ("", lambda i: f"{1 + i % 5},{100 + i % 7},{100 + i % 9}", "one number in groups of three digits", "separator=comma"),
        (
            "load",
            lambda i: f"{i % 9},{i % 7}",
            "2 cells under 1 names; if the comma is the decimal mark, add ::decimal=comma",
            "decimal=comma",
        ),
        ("a;b", lambda i: f"{i % 9};{i % 7},5", "comma and semicolon both occur", "separator=semicolon::decimal=comma"),
        ("a;b", lambda i: f"{i % 9};{1 + i % 7}.{100 + i % 9}", "may be a decimal mark or group thousands", "decimal=point"),
        ("a\tb", lambda i: f"{i % 9}\t{i % 7},5", "comma and tab both occur", "separator=tab::decimal=comma"),
        ("a,b", lambda i: f'"{i % 9},5","{i % 7},5"', "found '0,5'; add ::decimal=comma", "decimal=comma"),
        ("n,load", lambda i: f"{i},{i % 7}", "'n' counts up evenly from 0 to 299, as a row number or a time stamp does", "without=n"),
        ("n,load", lambda i: f"{i},{i % 7}", "or read it with ::keep=n", "keep=n"),
        ("day,load", lambda i: f"{DAYS[i].replace('-', '')},{i % 7}", "'day' reads as dates (20240101 to", "without=day"),
        ("year,load", lambda i: f"{1900 + i // 12},{i % 7}", "only ever rises (1900 to 1924) and is named like a date", "keep=year"),
        ("load,2024", lambda i: f"{i % 9},{i % 7}", "line 1: both numbers and 'load'", "header=yes"),
        ("town,load", lambda i: f"Ulm,{i % 7}", "line 2: wanted numbers between commas; found 'Ulm'; leave the column out", "without=town"),
        ("load,wind", lambda i: f"{i % 9},{'' if i == 4 else i % 7}", "line 6: an empty cell in 'wind'", "without=wind"),
        (
            "load,wind",
            lambda i: f"{i % 9},{int(i > 290)}",
            "'wind' is constant (0) over the training rows and changes later",
            "without=wind",
        ),
    ],
)
def test_a_doubtful_table_is_refused_with_what_settles_it(tmp_path, header, row, said, settled):
    """The doubt is named, and the option that the message gives lets the file be read."""
    path = table(tmp_path, header, row)
    with pytest.raises(BadData, match=re.escape(said)):
        add(path)
    assert len(PROBLEMS[add(f"{path}::{settled}")].make(small_case(seq_len=4)).train)


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("load,wind", lambda i: f"7,{i % 9}", "'load' is constant (7) over its training rows"),
        ("load,wind", lambda i: f"{i % 5 if i < 250 else 3},{i % 9}", "'load' is constant (3) over its test rows"),
        ("when,load", lambda i: f"{DAYS[299 - i]},{i % 7}", "run from newest (2024-11-20) to oldest (2024-01-01): sort the rows by time"),
        ("when,load", lambda i: f"{DAYS[i % 30]},{i % 7}", "go back 9 times"),
        ("when", lambda i: DAYS[i], "no column of numbers is left"),
        ("a,a", lambda i: f"{i % 5},{i % 7}", None),
    ],
)
def test_a_table_that_nothing_settles_is_refused(tmp_path, header, row, said):
    """A constant series, rows out of order of time, and nothing but dates end in one sentence; equal names only where one is chosen."""
    path = table(tmp_path, header, row)
    if said is None:
        assert add(path)
        path, said = f"{path}::target=a", "2 columns are named 'a'"
    with pytest.raises(BadData, match=re.escape(said)):
        add(path)


def test_a_semicolon_separates_where_no_comma_occurs(tmp_path):
    """One certain reading needs no option."""
    plain = PROBLEMS[add(table(tmp_path, "a,b", lambda i: f"{i % 9},{i % 7}.5"))].make(small_case(seq_len=4))
    other = PROBLEMS[add(table(tmp_path, "a;b", lambda i: f"{i % 9};{i % 7}.5", name="u.csv"))].make(small_case(seq_len=4))
    assert plain.train.x.equal(other.train.x)


def test_a_constant_input_is_left_out_and_said(tmp_path):
    """It tells nothing; the deviation that would divide it is 0."""
    problem = PROBLEMS[add(table(tmp_path, "a,b,c", lambda i: f"{i % 9},5,{i % 7}"))]
    assert "left out: 'b' (constant)" in problem.about
    assert problem.make(small_case(seq_len=4)).train.x.shape[2] == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("t.csv::colour=red", "unknown option of --data 't.csv::colour=red': 'colour'; choose from: target"),
        ("t.csv::decimal=dot", "::decimal=dot is not point or comma"),
        ("t.csv::target=a::target=b", "::target is given twice"),
        ("t.csv::target=c", "unknown column of 't.csv' 'c'; choose from: a, b"),
        ("t.txt::target=a", "::target is an option of .csv files"),
    ],
)
def test_an_option_that_will_not_do_is_told(tmp_path, monkeypatch, asked, said):
    """It is quoted, with those that would do."""
    table(tmp_path, "a,b", lambda i: f"{i % 9},{i % 7}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=re.escape(said)):
        add(asked)


def test_a_copy_of_a_file_under_its_name_with_options_is_the_same_task(tmp_path):
    """So it is sent to the workers of a cluster."""
    path = table(tmp_path, "a,b", lambda i: f"{i % 9},{i % 7}")
    (tmp_path / "there").mkdir()
    copy = tmp_path / "there" / "t.csv::target=b"
    copy.write_bytes(path.read_bytes())
    assert task_of(copy) == task_of(f"{path}::target=b")
    assert "'b'" in PROBLEMS[add(copy)].about


def test_a_forecast_names_the_baseline_that_it_is_held_against(tmp_path):
    """The unit of its quality is the last value's error, not the seasonal one's."""
    problem = PROBLEMS[add(series_file(tmp_path))]
    assert "last value" in problem.kind.quality
    assert "last value" in problem.trivial


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
