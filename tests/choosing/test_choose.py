"""`rnnbench choose` as a user types it: a small choice from first to last, its page, resuming it, and mistakes."""

import pytest

from tests.tools import command

SIZES = ("depth=1", "hidden_size=8", "input_size=8", "seq_len=3", "precision=fp32", "variant=lstm,elman")
SMALL = (*(word for one in SIZES for word in ("--set", one)), "--case-budget", "0.02", "--threads", "1")


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory):
    """A choice by exact figures, which needs no duel: its folder and how it ended."""
    folder = tmp_path_factory.mktemp("choice")
    words = ("choose", "small-memory", *SMALL, "--set", "batch_size=2", "--require", "activation_bytes < 1GiB", "--json")
    return folder, command(*words, cwd=folder)


def test_a_small_choice_ends_with_an_answer(chosen):
    """Predict, look, answer: the smaller network is taken, exactly."""
    folder, ended = chosen
    assert ended.code == 0, ended
    told = ended.told
    assert told["take"].startswith("Take elman")
    assert [row["requirement"] for row in told["rows"]] == ["met", "met"]
    assert "exact" in told["sure"][0]
    assert "elman" in (folder / told["page"]).read_text()


def test_a_finished_choice_answers_again_without_measuring(typed, chosen):
    """--resume of what is whole measures nothing more."""
    folder, ended = chosen
    runs = sorted((folder / "results").glob("*/run.json"))
    again = typed("choose", "--resume", "latest", "--json", "--no-report", cwd=folder)
    assert again.code == 0, again
    assert {**again.told, "page": ""} == {**ended.told, "page": ""}
    assert sorted((folder / "results").glob("*/run.json")) == runs


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "name a goal (available: streaming"),
        (("fast",), "unknown goal 'fast'"),
        (("streaming", "--data", "x.csv"), "the goal streaming takes no --data"),
        (("forecast", "--data", "x.tsv"), "the goal forecast takes a .csv file, not 'x.tsv'"),
        (("--resume", "latest"), "no choice 'latest' to resume"),
        (("streaming", "--resume", "x"), "leave out 'streaming'"),
        (("streaming", "--require", "p99 < 2ms"), "unknown metric or axis 'p99'"),
    ],
)
def test_mistakes_end_in_a_sentence(typed, words, told, tmp_path):
    """Usage errors end with 2 and quote what was written."""
    ended = typed("choose", *words, cwd=tmp_path)
    assert ended.code == 2, ended
    assert told in ended.err
    assert "Traceback" not in ended.err
