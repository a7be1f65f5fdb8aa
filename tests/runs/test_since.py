"""`--since`: only the cases that rest on what changed, by imports that are read and not run."""

import os
from pathlib import Path

import pytest

from rnnbench.analysis.frames import Loaded
from rnnbench.errors import EXIT_OK, UsageError
from rnnbench.gate.compare import compare
from rnnbench.gate.policy import Policy
from rnnbench.gate.side import side_of_run
from rnnbench.runs.catalog import Found
from rnnbench.runs.imports import ImportGraph
from rnnbench.runs.since import NothingChangedError, narrowed
from rnnbench.suite import Suite
from tests.gate.sides import CASE, records
from tests.reports.factory import run
from tests.tools import QUICK, ROOT, command, git, only_run, small_case

FILES = {
    "bench/bench_own.py": "from rnnbench import Suite",
    "bench/mine.py": "from pkg.cells import Cell\nfrom beside import size",
    "bench/yours.py": "def yours(case):\n    from pkg.inner import deep\n    return deep.Cell()",
    "bench/beside.py": "size = 1",
    "pkg/__init__.py": "",
    "pkg/cells.py": "import math\nfrom . import tools\nfrom .inner.deep import Cell",
    "pkg/tools.py": "",
    "pkg/inner/__init__.py": "from ..shared import *",
    "pkg/inner/deep.py": "class Cell: pass",
    "pkg/shared.py": "",
    "pkg/alone.py": "",
    "README.md": "",
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A repository of one commit, which is the working folder."""
    folder = tmp_path / "repo"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    monkeypatch.chdir(folder)
    return folder


def kept(place: Path, revision: str = "main") -> tuple[list[str], str]:
    """The variants whose cases are kept, and the sentence."""
    cases = [small_case(suite="own", variant=name) for name in ("mine", "yours", "lstm")]
    files = {"mine": place / "bench/mine.py", "yours": place / "bench/yours.py", "lstm": Path(__file__)}
    survey = {
        "variants": [{"name": name, "file": str(file)} for name, file in files.items()],
        "task_files": dict.fromkeys(["random", "digits"], __file__),
    }
    suite = Suite("own", title="Own", question="What?", x="depth", hue="variant", cases=())
    plugins = [str(files[name]) for name in ("mine", "yours")]
    found = narrowed(cases, revision, [Found(suite, place / "bench/bench_own.py")], plugins, survey, place / "results")
    assert [case.variant for case in found.left_out] == [name for name in files if name not in {case.variant for case in found.kept}]
    return [case.variant for case in found.kept], found.sentence()


def test_a_file_of_lengths_is_what_its_cases_rest_on(place):
    """Of cases with lengths of a file those are kept, of equal lengths none."""
    file = place / "corpus.lengths"
    file.write_text("3\n", encoding="utf-8")
    git(place, "add", "-A")
    git(place, "commit", "-qm", "lengths")
    file.write_text("4\n", encoding="utf-8")
    cases = [small_case(suite="own", lengths=name) for name in ("corpus:12345678", "fixed")]
    survey = {"variants": [{"name": "lstm", "file": __file__}], "task_files": {"random": __file__}}
    suite = Suite("own", title="Own", question="What?", x="depth", hue="variant", cases=())
    found = narrowed(cases, "main", [Found(suite, place / "bench/bench_own.py")], [str(file)], survey, place / "results")
    assert [case.lengths for case in found.kept] == ["corpus:12345678"]
    assert "(corpus.lengths changed)" in found.sentence()


ALL = ["mine", "yours", "lstm"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("bench/bench_own.py", ALL),
        ("bench/mine.py", ["mine"]),
        ("bench/beside.py", ["mine"]),
        ("pkg/cells.py", ["mine"]),
        ("pkg/tools.py", ["mine"]),
        ("pkg/inner/deep.py", ["mine", "yours"]),
        ("pkg/shared.py", ["mine", "yours"]),
        ("pkg/__init__.py", ["mine", "yours"]),
        ("pyproject.toml", ALL),
        ("requirements-dev.txt", ALL),
        ("uv.lock", ALL),
        ("csrc/kernel.cu", ALL),
        ("pkg/table.json", ALL),
    ],
)
@pytest.mark.parametrize("committed", [True, False])
def test_a_case_is_kept_if_what_it_rests_on_changed(place, name, wanted, committed):
    """Its suite, its variant's file, and what that imports: in functions, relatively, through packages and their stars. What no import
    shows keeps every case. Committed on a branch or not."""
    git(place, "switch", "-qc", "change")
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).write_text(FILES.get(name, "") + "\n# other\n", encoding="utf-8")
    if committed:
        git(place, "add", "-A")
        git(place, "commit", "-qm", "second")
    found, sentence = kept(place)
    assert found == wanted
    assert name in sentence
    assert ("every case is measured" in sentence) == (wanted == ALL)


@pytest.mark.parametrize("name", ["pkg/alone.py", "README.md", "results/run-1/run.json", "results/uv.lock"])
def test_nothing_is_measured_where_nothing_changed(place, name):
    """A file that no case rests on leaves none: one sentence, and no error."""
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_text("# other", encoding="utf-8")
    with pytest.raises(NothingChangedError, match="nothing that the 3 cases rest on changed since main") as told:
        kept(place)
    assert told.value.exit_code == EXIT_OK


def test_what_changed_on_main_meanwhile_is_no_change_of_the_branch(place):
    """Changes count from where the branch left."""
    git(place, "switch", "-qc", "change")
    (place / "bench/mine.py").write_text("# mine", encoding="utf-8")
    git(place, "commit", "-qam", "second")
    git(place, "switch", "-q", "main")
    (place / "bench/yours.py").write_text("# yours", encoding="utf-8")
    git(place, "commit", "-qam", "third")
    git(place, "switch", "-q", "change")
    assert kept(place)[0] == ["mine"]


def test_a_file_that_is_gone_keeps_every_case(place):
    """Who used it can no longer be read."""
    git(place, "rm", "-q", "pkg/alone.py")
    found, sentence = kept(place)
    assert found == ALL
    assert "pkg/alone.py is gone" in sentence


@pytest.mark.parametrize("text", ["import importlib\nimportlib.import_module(name)", "__import__(name)", "no python ("])
def test_imports_that_cannot_be_seen_keep_their_case(place, text):
    """A case that imports by a computed name, or whose file cannot be read, rests on any code that changes."""
    (place / "bench/yours.py").write_text(text, encoding="utf-8")
    git(place, "commit", "-qam", "second")
    (place / "pkg/alone.py").write_text("# other", encoding="utf-8")
    found, sentence = kept(place, "HEAD")
    assert found == ["yours"]
    assert "bench/yours.py may import it" in sentence


def test_constant_names_are_followed(place):
    """import_module("pkg.alone") is an import like any other."""
    (place / "bench/yours.py").write_text('import_module("pkg.alone")', encoding="utf-8")
    graph = ImportGraph(place, [place])
    found = graph.reached([place / "bench/yours.py"])
    assert {str(one.relative_to(place)) for one in found.files} == {"bench/yours.py", "pkg/__init__.py", "pkg/alone.py"}
    assert found.unseen == ""


@pytest.mark.parametrize(("revision", "why"), [("nope", "name a commit, branch or tag"), ("--all", "name a commit"), ("", "name a commit")])
def test_what_is_no_revision_is_refused(place, revision, why):
    """The sentence quotes it and says what would do."""
    with pytest.raises(UsageError, match=why) as told:
        kept(place, revision)
    assert repr(revision) in str(told.value)


def test_a_shallow_clone_says_what_to_fetch(place, tmp_path, monkeypatch):
    """CI clones one commit; the base of a pull request is not in it."""
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{place}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(UsageError, match="fetch-depth: 0"):
        kept(tmp_path / "shallow", "HEAD~1")


def test_outside_a_checkout_there_is_no_revision(tmp_path, monkeypatch):
    """One sentence."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="not in a git checkout"):
        kept(tmp_path)


def test_cases_that_were_left_out_are_not_missing():
    """A comparison with a whole run says how many were left out on purpose; it calls none missing."""
    other = small_case(suite=CASE.suite, variant="gru")
    whole = run([*records(CASE, [1.0] * 5), *records(other, [1.0] * 5)], id="whole")
    about = {"commit": "0123456789abcdef", "left_out": [str(other)]}
    some = run(records(CASE, [1.0] * 5), id="some", arguments={"since": about})
    found = compare(side_of_run(Loaded(whole)), side_of_run(Loaded(some)), Policy())
    assert "missing" not in found.counts
    assert "some: 1 case of whole left out by --since: nothing that they rest on changed after 0123456789" in found.notes
    plain = compare(side_of_run(Loaded(whole)), side_of_run(Loaded(run(records(CASE, [1.0] * 5), id="some"))), Policy())
    assert plain.counts["missing"] == 1


def test_a_run_measures_what_changed_and_says_what_it_left_out(place):
    """Through the command line: variants' files as the measuring process knows them, the run's own account, and --all."""
    (place / "bench/bench_own.py").write_text(
        "from rnnbench import Suite, grid\n"
        'SUITE = Suite("own", title="Own", question="What?", x="depth", hue="variant", cases=grid(variant=("mine", "yours", "lstm"),'
        ' phase="forward", hidden_size=4, input_size=4, batch_size=1, seq_len=2))\n'
        "def bench_own(measure, case):\n    measure(case)\n",
        encoding="utf-8",
    )
    for name in ("mine", "yours"):
        (place / f"bench/{name}.py").write_text(
            f"from rnnbench import variant\n@variant\ndef {name}(case):\n    from pkg.{name} import layer\n    return layer(case)\n"
        )
        (place / f"pkg/{name}.py").write_text("from torch import nn\ndef layer(case):\n    return nn.Linear(4, 4)\n", encoding="utf-8")
    git(place, "add", "-A")
    git(place, "commit", "-qm", "second")
    with (place / "pkg/mine.py").open("a", encoding="utf-8") as file:
        file.write("# other\n")
    words = ("run", "--suite", "bench/bench_own.py", "--plugin", "bench/mine.py", "--plugin", "bench/yours.py", "--device", "cpu")
    done = command(*words, "--since", "HEAD", *QUICK, cwd=place, PYTHONPATH=f"{ROOT}{os.pathsep}{place}")
    assert done.code == 0, done.err
    assert "1 of 3 cases rest on what changed since" in done.err
    assert "(pkg/mine.py changed); the other 2 are left out (--all measures them too)" in done.err
    _, one = only_run(place / "results")
    assert [record.case.variant for record in one.records] == ["mine"]
    assert len(one.arguments["since"]["left_out"]) == 2
    every = command(*words, "--since", "HEAD", "--all", "--dry-run", cwd=place, PYTHONPATH=f"{ROOT}{os.pathsep}{place}")
    assert "3 cases on cpu" in every.out
