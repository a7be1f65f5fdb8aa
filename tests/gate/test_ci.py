"""What a user copies into CI is well formed and safe, by the services' schemas, actionlint, shellcheck and zizmor."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.limits import hung_s

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / ".github/actions/rnnbench-gate/action.yml"


def checked(schema: str, path: Path) -> subprocess.CompletedProcess[str]:
    """One file against one schema; nothing is downloaded."""
    words = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path))
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=hung_s())


def linted(path: Path) -> str:
    """What GitHub's linters find in a workflow: actionlint, with shellcheck for its scripts, and zizmor for what is unsafe.

    Actions are named by their major version here, not by a hash; a runner of one's own has labels that no linter knows.
    """
    tools = Path(sys.executable).parent
    commands = (
        (tools / "actionlint", "-no-color", "-shellcheck", tools / "shellcheck", "-ignore", 'label "benchmark" is unknown', path),
        (tools / "zizmor", "--offline", "--no-progress", "--color=never", f"--config={ROOT / 'tests/gate/zizmor.yml'}", path),
    )
    ended = [subprocess.run(words, capture_output=True, text=True, check=False, timeout=hung_s()) for words in commands]
    return "".join(one.stdout + one.stderr for one in ended if one.returncode)


def of_the_page(index: int, folder: Path) -> Path:
    """A workflow of docs/ci.md as a file."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/ci.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    path = folder / "workflow.yml"
    path.write_text(blocks[index], encoding="utf-8")
    return path


@pytest.mark.parametrize(("index", "schema"), [(0, "github-workflows"), (1, "gitlab-ci")])
def test_workflows_of_the_page_are_well_formed(index, schema, tmp_path):
    """Both workflows of docs/ci.md pass the schema of their service."""
    done = checked(schema, of_the_page(index, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_linters_find_nothing_in_the_workflows(tmp_path):
    """Neither in rnnbench's own nor in that of docs/ci.md."""
    assert linted(ROOT / ".github/workflows/tests.yml") == ""
    assert linted(of_the_page(0, tmp_path)) == ""


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("checkout@v5", "checkout@v4", 'runtime "node20" is deprecated'),
        ("${{ matrix.python }}", "${{ matrix.pythn }}", 'property "pythn" is not defined'),
        ("- run: python3", "- run: echo $HOME/*$( && python3", "shellcheck reported"),
        ("        with:\n          persist-credentials: false\n", "", "artipacked"),
    ],
)
def test_linters_find_a_mistake(old, new, found, tmp_path):
    """A workflow that would not run as written, or would leave its token behind, does not pass."""
    path = tmp_path / "tests.yml"
    path.write_text((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert found in linted(path)


def test_the_action_is_well_formed():
    """The composite action passes GitHub's schema, and a file that is none does not."""
    assert checked("github-actions", ACTION).returncode == 0
    assert checked("github-actions", ROOT / ".github/workflows/tests.yml").returncode != 0


def test_the_actions_scripts_can_be_parsed():
    """bash reads every step; inputs reach it as variables only, so that none can become a command."""
    from ruamel.yaml import YAML

    for step in YAML(typ="safe").load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]:
        assert "${{" not in step["run"]
        done = subprocess.run(["bash", "-n"], input=step["run"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
