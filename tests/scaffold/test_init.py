"""`rnnbench init`: what it writes works as it stands, and what is there stays."""

import shutil
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from tests.gate.test_ci import checked, linted
from tests.scaffold.steps import run_github, run_gitlab, shims
from tests.tools import command, git

MODEL = """
from torch import nn

class Tagger(nn.Module):
    def __init__(self, input_size, hidden_size, depth):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, depth)

    def forward(self, x):
        return self.lstm(x)[0]{more}

def make(input_size, hidden_size, depth):
    return Tagger(input_size, hidden_size, depth)
"""


def repository(folder, more=""):
    """A consumer's: a package with a model, under git."""
    (folder / "mypkg").mkdir(parents=True, exist_ok=True)
    (folder / "mypkg/__init__.py").touch()
    (folder / "mypkg/models.py").write_text(MODEL.format(more=more))
    if not (folder / ".git").exists():
        (folder / "pyproject.toml").write_text('[project]\nname = "mypkg"\nversion = "1"\n')
        git(folder, "init", "-q", "-b", "trunk")
    return folder


def init(folder, *words):
    return command("init", folder, "--name", "tagger", "--model", "mypkg.models:make", *words, cwd=folder)


def test_a_second_time_changes_nothing(tmp_path):
    """Every file is unchanged, and --diff has nothing to show."""
    repository(tmp_path)
    first, second = init(tmp_path), init(tmp_path)
    assert first.code == second.code == 0
    assert first.out.count("wrote") == 5
    assert "extended   pyproject.toml" in first.out
    assert second.out.count("unchanged") == 6
    assert init(tmp_path, "--diff").out == "nothing would change\n"


def test_nothing_is_overwritten(tmp_path):
    """A file that differs is kept and named; an existing table of settings is left alone."""
    repository(tmp_path)
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench/bench_tagger.py").write_text("mine")
    (tmp_path / "pyproject.toml").write_text('[tool.rnnbench.gate]\nmin-effect = "1%"\n')
    done = init(tmp_path)
    assert "kept, differs from the template bench/bench_tagger.py" in done.out
    assert (tmp_path / "bench/bench_tagger.py").read_text() == "mine"
    assert (tmp_path / "pyproject.toml").read_text().count("tool.rnnbench") == 1


def test_diff_writes_nothing(tmp_path):
    """--diff shows every file and leaves the folder as it was."""
    repository(tmp_path)
    done = init(tmp_path, "--diff")
    assert done.out.count("+++ ") == 6
    assert not (tmp_path / "bench").exists()


@pytest.mark.parametrize(("rules", "told"), [("bench/\n", ".gitignore:1:bench/"), ("*.json\nresults/*\n", ""), ("", "")])
def test_a_baseline_that_git_would_ignore_is_named_with_its_rule(tmp_path, rules, told):
    """The rule that swallows the baseline is quoted; without one nothing is said."""
    repository(tmp_path)
    (tmp_path / ".gitignore").write_text(rules)
    done = init(tmp_path)
    assert ("git ignores bench/results/baselines/main.json" in done.out) == bool(told)
    assert told in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--ci", "jenkins"), "unknown --ci 'jenkins'; choose from: github, gitlab, none"),
        (("--model", "models.make"), "MODULE:FUNCTION, for instance mypkg.models:make"),
        (("--name", "my-model"), "a Python name, for instance tagger"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, words, said):
    """A bad service, model or name ends with 2 and says what would do; nothing is written."""
    done = command("init", tmp_path, *words, cwd=tmp_path)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("ci", "file", "schema"),
    [
        ("github", ".github/workflows/rnnbench.yml", "github-workflows"),
        ("github", ".github/workflows/rnnbench-comment.yml", "github-workflows"),
        ("gitlab", "bench/gitlab-ci.yml", "gitlab-ci"),
    ],
)
def test_workflows_are_well_formed(tmp_path, ci, file, schema):
    """Each passes its service's schema, and GitHub's its linters."""
    init(repository(tmp_path), "--ci", ci)
    done = checked(schema, tmp_path / file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ci != "github" or linted(tmp_path / file) == ""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A repository with what init writes for both services, one small case and a baseline, committed."""
    root = repository(tmp_path_factory.mktemp("consumer") / "repo")
    for ci in ("github", "gitlab"):
        assert init(root, "--ci", ci).code == 0
    suite, settings = root / "bench/bench_tagger.py", root / "pyproject.toml"
    phases = 'phase=("forward", "train"),\n        seq_len=(32, 128)'
    suite.write_text(suite.read_text().replace(phases, 'phase="forward",\n        seq_len=8'))
    settings.write_text(settings.read_text().replace('min-effect = "2%"', 'min-effect = "40%"'))
    bench = ("--suite", "bench/bench_tagger.py", "--plugin", "bench/tagger_model.py", "--results", "bench/results")
    where = {"cwd": root, "PYTHONPATH": str(root), "ONEDNN_MAX_CPU_ISA": "AVX2"}
    measured = command("run", *bench, "--preset", "quick", "--threads", "1", "--no-report", **where)
    assert measured.code == 0, measured.err
    assert command("baseline", "save", "main", "--only", "deterministic", "--results", "bench/results", cwd=root).code == 0
    commit(root)
    return root


@pytest.fixture
def root(home, tmp_path):
    """A copy of it."""
    return shutil.copytree(home, tmp_path / "repo")


@pytest.fixture
def shim(tmp_path):
    """What stands before the commands that its steps start."""
    return shims(tmp_path / "shims")


def commit(root):
    """All that is there as one more commit; the hash of that before it, if there was one."""
    before = git(root, "for-each-ref", "--format=%(objectname)", "refs/heads")
    git(root, "add", "--all")
    git(root, "commit", "-q", "--allow-empty", "-m", "one more")
    return before


def gate(root, shim, ci, event="push", base=""):
    """The steps that init wrote, carried out."""
    if ci == "github":
        return run_github(root / ".github/workflows/rnnbench.yml", root, shim, event, NUMBER="7")
    job = YAML(typ="safe").load((root / "bench/gitlab-ci.yml").read_text())["rnnbench"]
    return run_gitlab(job, root, shim, CI_MERGE_REQUEST_DIFF_BASE_SHA=base)


@pytest.mark.slow
@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_gate_fails_a_heavier_model(root, shim, ci):
    """Once it dispatches one operator more, with no pull request at all; the verdict says how to accept that."""
    repository(root, more=" * 1.5")
    code, output = gate(root, shim, ci)
    assert code == 3, output
    assert "install rnnbench ." in (shim / "pip.log").read_text()
    if ci == "github":
        verdict = (root / "verdict/verdict.md").read_text()
        assert "rnnbench baseline save main --only deterministic --force" in verdict
        assert "operators" in verdict
        assert (root / "verdict/number").read_text() == "7"


@pytest.mark.slow
@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_gate_fails_a_slower_model(root, shim, ci):
    """A pull request is measured in turn with the branch that it would change, which shows a pause that no exact figure does."""
    model = root / "mypkg/models.py"
    first = "        return self.lstm"
    model.write_text("import time\n" + model.read_text().replace(first, f"        time.sleep(0.02)\n{first}"))
    code, output = gate(root, shim, ci, "pull_request", base=commit(root))
    assert code == 3, output
    assert "step time" in output


@pytest.mark.slow
def test_the_gate_passes_equal_code(root, shim):
    """A pull request without a change ends with 0, and both verdicts are in its comment."""
    base = commit(root)
    assert base
    code, output = gate(root, shim, "github", "pull_request")
    assert code == 0, output
    assert (root / "verdict/verdict.md").read_text().count("rnnbench:") == 2


def test_what_it_imports_is_light():
    """init needs neither torch nor pandas."""
    imports = "import sys, rnnbench.cli.init, rnnbench.scaffold.plan, rnnbench.scaffold.git"
    code = f"{imports}; sys.exit(any(name in sys.modules for name in ('torch', 'pandas')))"
    assert subprocess.run((sys.executable, "-c", code), check=False).returncode == 0
