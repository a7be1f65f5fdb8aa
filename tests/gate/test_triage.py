"""Triage: what somebody has looked at stays on the page and no longer fails `history --check`."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from rnnbench.errors import UsageError
from rnnbench.gate.formats.histories import as_json, as_markdown
from rnnbench.gate.history import history
from rnnbench.gate.triage import read_triage, triaged
from rnnbench.reports.forms.history_page import write_history
from tests.gate.sides import CASE, records, write
from tests.gate.test_history import results
from tests.tools import git

TEMPLATES = Path(__file__).resolve().parents[2] / "rnnbench/scaffold/templates"
ENTRY = {"case": str(CASE), "metric": "step_time_s", "commits": "", "state": "accepted", "reason": "a check for NaN"}


def written(path, *entries):
    """A triage file."""
    rows = ["[[change]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in one.items()) for one in entries]
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def slower(tmp_path_factory):
    """40 runs, 15 % slower from the 20th on."""
    return results(tmp_path_factory.mktemp("triage") / "results", lambda index: 1.15 if index >= 20 else 1.0)


def commits(folder):
    ((_, change),) = history(folder, metrics=["step_time_s"]).changed
    return change.commits


def test_check_fails_until_the_change_is_triaged(typed, slower):
    """3 with an open change; 0 once the file beside the runs names it, and the reason is shown."""
    words, home = ("history", "--metric", "step_time_s"), slower.parent
    assert (typed(*words, cwd=home).code, typed(*words, "--check", cwd=home).code) == (0, 3)
    path = written(slower / "triage.toml", {**ENTRY, "commits": commits(slower)})
    done = typed(*words, "--check", cwd=home)
    path.unlink()
    assert done.code == 0, done
    assert "accepted: a check for NaN" in done.out


def test_every_form_shows_the_reason(slower, tmp_path):
    """Page, Markdown and JSON keep the change, with its state and reason."""
    path = written(tmp_path / "t.toml", {**ENTRY, "commits": commits(slower), "case": "depth/*"})
    found = triaged(history(slower, metrics=["step_time_s"]), read_triage(path, needed=True))
    assert (len(found.changed), found.open) == (1, [])
    assert "accepted: a check for NaN" in as_markdown(found)
    assert "accepted: a check for NaN" in write_history(found, tmp_path / "page.html").read_text(encoding="utf-8")
    changes = [change for one in json.loads(as_json(found))["series"] for change in one["changes"]]
    assert [change["triage"] for change in changes] == [{"state": "accepted", "reason": "a check for NaN"}]


def test_a_change_that_moved_by_a_run_is_still_known(slower, tmp_path):
    """The next range shares one end with the triaged one; a range elsewhere fits nothing and is named."""
    before, after = commits(slower).split("..")
    near = written(tmp_path / "near.toml", {**ENTRY, "commits": f"{after}..{int(after, 16) + 1:010x}"})
    far = written(tmp_path / "far.toml", {**ENTRY, "commits": f"{int(before, 16) - 9:010x}..{int(before, 16) - 8:010x}"})
    found = history(slower, metrics=["step_time_s"])
    assert triaged(found, read_triage(near, needed=True)).open == []
    other = triaged(found, read_triage(far, needed=True))
    assert len(other.open) == 1
    assert any("fits no change point" in note for note in other.notes)


def test_an_exact_change_needs_both_ends(tmp_path):
    """Two changes of operators that follow each other: the triage of one leaves the other open."""
    for index, count in enumerate((7.0, 8.0, 9.0)):
        write(
            tmp_path / "results",
            f"r{index}",
            records(CASE, [0.01], metrics={"operators": count}),
            started_utc=f"2026-01-01T00:00:0{index}Z",
            commit={"hash": f"{index:040x}"},
        )
    path = written(tmp_path / "t.toml", {**ENTRY, "metric": "operators", "commits": f"{0:010x}..{1:040x}"})
    found = history(tmp_path / "results", metrics=["operators"])
    assert len(found.open) == 2
    # the first hash is a run of zeros, which the second begins with too: only the full second hash tells them apart
    assert len(triaged(found, read_triage(path, needed=True)).open) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"state": "ok"}, "accepted, fixed, noise"),
        ({"reason": " "}, "reason of [[change]]"),
        ({"metric": "speed"}, "unknown metric 'speed'"),
        ({"commits": "abc"}, "BEFORE..AFTER"),
        ({"commits": "abc..d"}, "BEFORE..AFTER"),
        ({"who": "me"}, "unknown key of [[change]] 'who'"),
    ],
)
def test_an_entry_that_says_nothing_is_refused(tmp_path, change, told):
    """One sentence that quotes the value and lists what would do."""
    path = written(tmp_path / "t.toml", {**ENTRY, "commits": "aaaaaaaaaa..bbbbbbbbbb", **change})
    with pytest.raises(UsageError) as error:
        read_triage(path, needed=True)
    assert told in str(error.value)


def test_git_keeps_the_triage_that_init_prepares(tmp_path):
    """The .gitignore that `rnnbench init` writes into the results folder lets the file be committed, but no run."""
    results_ = tmp_path / "results"
    results_.mkdir()
    shutil.copy(TEMPLATES / "gitignore.txt", results_ / ".gitignore")
    git(tmp_path, "init", "-q")
    ignored = [subprocess.run(("git", "check-ignore", "-q", f"results/{name}"), cwd=tmp_path).returncode for name in ("triage.toml", "run")]
    assert ignored == [1, 0]


def test_a_file_that_was_asked_for_must_be_there(tmp_path):
    """The default may be absent; --triage FILE may not, and a file that is no TOML is refused."""
    assert read_triage(tmp_path / "none.toml", needed=False) == ()
    with pytest.raises(UsageError, match="cannot be read"):
        read_triage(tmp_path / "none.toml", needed=True)
    (tmp_path / "bad.toml").write_text("[[change]", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be read"):
        read_triage(tmp_path / "bad.toml", needed=False)
