"""`rnnbench init`: what it writes works as it stands, and what is there stays."""

import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from tests.gate.test_ci import checked, linted
from tests.scaffold.steps import run_github, run_gitlab, shims
from tests.tools import command

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
        subprocess.run(("git", "init", "-q", "-b", "trunk", str(folder)), check=True)
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


@pytest.mark.slow
@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_gate_passes_equal_code_and_fails_a_heavier_model(tmp_path, ci):
    """The steps that init wrote, carried out: 0 for the baseline's own code, 3 once the model dispatches one operator more."""
    root, shim = repository(tmp_path / "repo"), shims(tmp_path / "shims")
    init(root, "--ci", ci)
    bench = ("--suite", "bench/bench_tagger.py", "--plugin", "bench/tagger_model.py", "--results", "bench/results")
    measured = command(
        "run", *bench, "--preset", "quick", "--threads", "1", "--no-report", cwd=root, PYTHONPATH=str(root), ONEDNN_MAX_CPU_ISA="AVX2"
    )
    assert measured.code == 0, measured.err
    assert command("baseline", "save", "main", "--only", "deterministic", "--results", "bench/results", cwd=root).code == 0

    def gate():
        if ci == "github":
            return run_github(root / ".github/workflows/rnnbench.yml", root, shim, NUMBER="7")
        return run_gitlab(YAML(typ="safe").load((root / "bench/gitlab-ci.yml").read_text())["rnnbench"], root, shim)

    code, output = gate()
    assert code == 0, output
    repository(root, more=" * 1.5")
    code, output = gate()
    assert code == 3, output
    assert "install rnnbench ." in (shim / "pip.log").read_text()
    if ci == "github":
        verdict = (root / "verdict/verdict.md").read_text()
        assert "rnnbench baseline save main --only deterministic --force" in verdict
        assert "operators" in verdict
        assert (root / "verdict/number").read_text() == "7"


def test_what_it_imports_is_light():
    """init needs neither torch nor pandas."""
    imports = "import sys, rnnbench.cli.init, rnnbench.scaffold.plan, rnnbench.scaffold.git"
    code = f"{imports}; sys.exit(any(name in sys.modules for name in ('torch', 'pandas')))"
    assert subprocess.run((sys.executable, "-c", code), check=False).returncode == 0
