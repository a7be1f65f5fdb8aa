"""The pages tell the truth: their commands run, their tables and quotations are the code's, their links lead somewhere."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rnnbench.runs import catalog

CLONE = Path(__file__).resolve().parent.parent
PAGES = (*CLONE.glob("*.md"), *CLONE.glob("docs/*.md"), *CLONE.glob("results/*.md"), *CLONE.glob("reports/*.md"))
SIZES = {"depth": 1, "hidden_size": 8, "input_size": 8, "batch_size": 2, "seq_len": 3}
SMALL = {"variant": "lstm", "phase": "train", "precision": "fp32", **SIZES}


def blocks(page: Path, kind: str) -> list[str]:
    """Fenced blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """Every `rnnbench` or `pytest` command of a page's shell blocks, as words."""
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith(("rnnbench ", "pytest "))]


def shrunk(words: list[str]) -> list[str]:
    """The command with small sizes for every axis that it does not speak of, little time for each case, and no report:
    `rnnbench report` has commands of its own."""
    text = " ".join(words)
    if "--resume" in words or "--dry-run" in words:
        return words
    if "convergence" in text or "distillation" in text:  # a task has its own sizes
        return [*words, "--set", "seed=0", "--set", "max_steps=1", "--case-budget", "0.02", "--no-report"]
    axes = [f"{axis}={value}" for axis, value in SMALL.items() if axis not in text]
    if "bench_mine" in text:  # its grids differ in variant and implementation, which an override would make one
        axes.remove("variant=lstm")
    if words[0] == "pytest":
        return [*words, *(f"--rnnbench-set={axis}" for axis in axes), "--rnnbench-preset=quick", "-q"]
    if words[1] == "run":
        return [*words, *(word for axis in axes for word in ("--set", axis)), "--case-budget", "0.02", "--no-report"]
    return words


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_of_a_page_runs(page: Path, tmp_path: Path):
    """Each command block that starts with `rnnbench` or `pytest` ends with 0, in the order of the page, in a folder like the clone."""
    for folder in ("suites", "docs"):
        shutil.copytree(CLONE / folder, tmp_path / folder)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONPATH"))}
    environment = {**plain, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{plain['PATH']}", "RNNBENCH_LOCKS": str(tmp_path)}
    for words in commands(page):
        done = subprocess.run(
            shrunk(words), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CLONE)))
def test_links_lead_somewhere(page: Path):
    """Every relative link names a file, and a heading of it where it names one."""
    for link in re.findall(r"\]\((?!https?://)([^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, heading = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name} links to {link}"
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", text).strip().lower().replace(" ", "-") for text in headings}, link


def test_reference_is_what_the_code_says():
    """docs/reference.md holds the tables that docs/make_reference.py makes now."""
    done = subprocess.run(
        [sys.executable, str(CLONE / "docs/make_reference.py"), "--check"], cwd=CLONE, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_on_a_page_is_quoted_from_the_examples(page: Path):
    """Python blocks are passages of docs/examples, which the tests run."""
    examples = [path.read_text(encoding="utf-8") for path in (CLONE / "docs/examples").glob("*.py")]
    for block in blocks(page, "python"):
        assert any(block in example for example in examples), block


def test_architecture_states_the_layers_that_the_linter_holds():
    """The table of layers in docs/architecture.md is import-linter's contract, row by row."""
    settings = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (one for one in settings["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    wanted = [sorted(part.strip() for part in layer.split("|")) for layer in contract["layers"]]
    text = (CLONE / "docs/architecture.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- layers -->(.*?)<!-- end -->", text, re.DOTALL)
    assert table
    rows = [row.split("|")[1] for row in table[1].strip().splitlines()[2:]]
    assert [sorted(re.findall(r"`([^`]+)`", row)) for row in rows] == wanted


def test_readme_lists_every_suite_with_its_question():
    """README's table of suites is the suites' own."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+\?) \|$", (CLONE / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert rows == {name: catalog.find(name).suite.question for name in catalog.shipped()}


def test_ci_runs_the_readmes_test_command():
    """.ci/run and the workflow call the README's second command; both of its commands take the tested versions."""
    job, tests = (block.strip() for block in blocks(CLONE / "README.md", "sh")[:2])
    for command in (job, tests):
        assert "\n" not in command
        assert "-c constraints.txt" in command
    assert (CLONE / ".ci/run").read_text(encoding="utf-8").splitlines()[-1] == tests
    assert f"- run: {tests}\n" in (CLONE / ".github/workflows/tests.yml").read_text(encoding="utf-8")
