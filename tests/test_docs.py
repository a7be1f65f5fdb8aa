"""The pages tell the truth: their commands run, their tables and quotations are the code's, their links lead somewhere."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rnnbench.gate.policy import policy_of
from tests.pages import CLONE, COMMANDS, NOT_RUN, PAGES, QUICK_PAGES, RUN, SLOW, commands, fenced, run_all


def blocks(page: Path, kind: str) -> list[str]:
    """Fenced blocks of a kind."""
    return [one.text for one in fenced(page) if one.kind == kind]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page.name in QUICK_PAGES], ids=lambda page: page.name)
def test_every_command_of_a_quick_page_runs(page: Path, tmp_path: Path):
    """Each command of the page's shell blocks ends with 0, in the order of the page, in a folder like the clone."""
    assert commands(page)
    run_all(commands(page), tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CLONE)))
def test_every_command_is_run_or_says_why_not(page: Path):
    """A block with commands is run by a test, or the comment above it says where it is, or why not. None hides as indented text."""
    for one in fenced(page):
        if not one.has_commands or one.mark == SLOW or (one.mark.startswith(NOT_RUN) and len(one.mark) > len(NOT_RUN) + 10):
            continue
        assert one.kind == "sh", f"{page.name}: mark what is not run with <!-- {NOT_RUN}why -->:\n{one.text}"
        strange = [words[0] for words in commands(page, slow=True) if words[0] not in RUN]
        assert not strange, f"{page.name}: {strange}"
    outside = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    indented = [line.split() for line in outside.splitlines() if line.startswith("    ") and line.strip()]
    hidden = [words for words in indented if words[0] in COMMANDS]
    assert not hidden, f"{page.name}: put these into a fenced block: {hidden}"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=lambda page: page.name)
def test_settings_of_a_page_are_settings(page: Path):
    """TOML that a page shows is read by the gate."""
    for text in blocks(page, "toml"):
        policy_of(tomllib.loads(text)["tool"]["rnnbench"]["gate"])


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
    done = subprocess.run([sys.executable, str(CLONE / "docs/make_reference.py"), "--check"], cwd=CLONE, capture_output=True, text=True)
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


@pytest.mark.parametrize("name", ["make_suites.py", "make_map.py", "make_api.py"])
def test_generated_pages_are_current(name):
    """docs/suites.md, docs/api.md, and the list of files in docs/architecture.md, hold what their scripts write now."""
    script = str(CLONE / "docs" / name)
    done = subprocess.run([sys.executable, script, "--check"], cwd=CLONE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_ci_runs_the_readmes_test_command():
    """.ci/run and the workflow call the README's second command; both of its commands take the tested versions."""
    job, tests = (block.strip() for block in blocks(CLONE / "README.md", "sh")[:2])
    for command in (job, tests):
        assert "\n" not in command
        assert "-c constraints.txt" in command
    assert (CLONE / ".ci/run").read_text(encoding="utf-8").splitlines()[-1] == tests
    assert f"- run: {tests}\n" in (CLONE / ".github/workflows/tests.yml").read_text(encoding="utf-8")
