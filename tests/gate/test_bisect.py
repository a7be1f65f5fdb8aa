"""The search for a commit: over drawn histories, and over a real one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.gate.bisect import BAD, GOOD, SKIP, Search, Tried
from tests.tools import command, git

COMMITS = tuple(f"c{number}" for number in range(64))


def searched(culprit: int, skipped: set[int]) -> tuple[Search, int]:
    """A search over 64 commits of which `culprit` made the change and `skipped` do not build; and how many comparisons it took."""
    search, count = Search(COMMITS), 0
    search.note(Tried(COMMITS[-1], BAD, ""))
    while (commit := search.next) is not None:
        number = COMMITS.index(commit)
        search.note(Tried(commit, SKIP if number in skipped else BAD if number >= culprit else GOOD, ""))
        count += 1
    return search, count


@pytest.mark.parametrize("culprit", range(64))
def test_every_culprit_is_found_in_six(culprit):
    """Of 64 commits any one is found in at most six comparisons."""
    search, count = searched(culprit, set())
    assert search.suspects == (COMMITS[culprit],)
    assert count <= 6


@given(st.integers(0, 63), st.sets(st.integers(0, 62), max_size=30))
def test_the_culprit_is_among_the_suspects_whatever_does_not_build(culprit, skipped):
    """Skipped commits widen the answer and never lose the culprit; every other suspect but one was skipped."""
    search, _ = searched(culprit, skipped - {culprit})
    assert COMMITS[culprit] in search.suspects
    assert {COMMITS.index(one) for one in search.suspects} - {culprit} <= skipped


def test_only_sampled_verdicts_can_be_noise():
    """The chance of a false lead adds up over bad verdicts by tests, and is 0 for exact figures."""
    search = Search(COMMITS[:3])
    search.note(Tried("c2", BAD, "", exact=True))
    assert search.chance_of_error(0.05) == 0
    search.note(Tried("c1", BAD, ""))
    assert search.chance_of_error(0.05) == 0.05


MODEL = """
from torch import nn
from rnnbench import variant

class Net(nn.Module):
    def __init__(self, case):
        super().__init__()
        self.lstm = nn.LSTM(case.input_size, case.hidden_size, case.depth)

    def forward(self, x):
        return self.lstm(x)[0]{more}

@variant
def net(case):
    return Net(case)
"""
SUITE = """
from rnnbench import Suite, grid
SUITE = Suite("net", title="Net", question="What does it cost?", x="depth", hue="variant",
              cases=grid(variant="net", phase="forward", depth=1, hidden_size=8, input_size=8, batch_size=2, seq_len=3))

def bench_net(measure, case):
    measure(case)
"""


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Eight commits of a plugin: the fifth adds an operator, the sixth does not import. Its folder and the commits' hashes."""
    root = tmp_path_factory.mktemp("history")
    texts = ["", "  # one", "  # two", "  # three", " * 1.5", " *", " * 1.5  # six", " * 1.5  # seven"]
    git(root, "init", "-q", "-b", "main")
    (root / "bench_net.py").write_text(SUITE)
    (root / ".gitignore").write_text("results\n")
    hashes = []
    for number, more in enumerate(texts):
        (root / "net.py").write_text(MODEL.format(more=more))
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", f"commit {number}")
        hashes.append(git(root, "rev-parse", "HEAD"))
    return root, hashes


FAST = ("--suite", "bench_net.py", "--plugin", "net.py", "--case-budget", "0.02", "--min-rounds", "3", "--threads", "1")


@pytest.mark.slow
def test_a_planted_operator_is_found_and_the_search_resumes(history):
    """The commit that added an operator is named, one that does not import is skipped, and asking again measures nothing anew."""
    root, hashes = history
    done = command("bisect", hashes[0], "--metric", "operators", *FAST, cwd=root)
    assert done.code == 0, done.out + done.err
    assert done.out.startswith(f"{hashes[4][:7]} commit 4\nmade operators of ")
    assert "no chance of error" in done.out
    again = command("bisect", hashes[0], "--metric", "operators", *FAST, cwd=root)
    assert again.out == done.out
    assert "resuming after" in again.err


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(3, 0), (4, 1), (5, 125)])
def test_a_step_has_the_status_that_git_bisect_run_wants(history, number, status):
    """0 for a good checkout, 1 for a bad one, 125 for one that cannot be measured."""
    root, hashes = history
    git(root, "checkout", "-q", hashes[number])
    try:
        assert command("bisect", hashes[0], "--metric", "operators", "--step", *FAST, cwd=root).code == status
    finally:
        git(root, "checkout", "-q", "main")


def test_no_commit_between_is_a_mistake(history):
    """GOOD and BAD in the wrong order end with 2 and a sentence."""
    root, hashes = history
    done = command("bisect", hashes[7], hashes[0], *FAST, cwd=root)
    assert done.code == 2
    assert "has no commit after" in done.err
