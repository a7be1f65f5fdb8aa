"""What a user copies into CI is well formed, by the schemas of GitHub and GitLab that check-jsonschema carries."""

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


@pytest.mark.parametrize(("index", "schema"), [(0, "github-workflows"), (1, "gitlab-ci")])
def test_workflows_of_the_page_are_well_formed(index, schema, tmp_path):
    """Both workflows of docs/ci.md pass the schema of their service."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/ci.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    path = tmp_path / "workflow.yml"
    path.write_text(blocks[index], encoding="utf-8")
    done = checked(schema, path)
    assert done.returncode == 0, done.stdout + done.stderr


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
