"""Every command on the documentation's pages is one that the command line takes: its flags, suites, axes, names and files are there.

Nothing is run here. `tests/test_docs.py` runs the commands of the quick pages, and `tox -e docs` those of all pages."""

import importlib
import pkgutil
import shlex
from typing import Any

import pytest
import typer

from rnnbench import cli
from rnnbench.choose import parse_set, selector
from rnnbench.errors import RnnbenchError
from rnnbench.registry import load_file
from rnnbench.runs import catalog
from rnnbench.suite import choose
from rnnbench.tasks import PROBLEMS, TASKS
from rnnbench.variants import VARIANTS
from tests.pages import CLONE, PAGES, commands

WORDS = {f"{page.name}: {shlex.join(words)}": words for page in PAGES for words in commands(page, slow=True)}
SIDES = ("set_a", "set_b")


def parsed(words: list[str]) -> dict[str, Any]:
    """The options of an `rnnbench` command by name, as its parser understands them. Raises what the parser raises."""
    for one in pkgutil.iter_modules(cli.__path__):
        importlib.import_module(f"rnnbench.cli.{one.name}")
    command: Any = typer.main.get_command(cli.app)
    context = command.make_context("rnnbench", list(words[1:]))
    rest = list(words[1:])
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, list(rest), parent=context)
    return context.params


def check(words: list[str]) -> int:
    """The number of cases that the command plans on a CPU: 0 without a suite, 1 for a model of one's own. Raises what a user would see."""
    options = parsed(words)
    for path in options.get("plugin") or ():
        load_file(CLONE / path)
    if words[1] == "list" and options.get("name"):
        known: Any = {"variant": VARIANTS, "task": TASKS}[options["what"]]
        assert options["name"] in known.all()
    found = [catalog.find(name) for name in (*(options.get("suite") or ()), *(options.get("model") or ()))]
    declared = {name: one.axes for name, one in VARIANTS.all().items()}
    sides = [parse_set([*options.get("sets", ()), *(options.get(side) or ())], declared) for side in SIDES]
    if not found:
        return 0
    keep = selector(options["select"], declared) if options.get("select") else None
    cases = [case for sets in sides for case in choose([one.suite for one in found], "cpu", options["preset"], sets, keep, declared)[0]]
    for one in found:
        if one.own:  # a function of a file, whose cases its own process plans
            path, _, function = one.own.rpartition(":")
            assert f"def {function}(" in (CLONE / path).read_text(encoding="utf-8")
            return 1
    assert {case.variant for case in cases} <= VARIANTS.all().keys()
    assert {case.task for case in cases} <= TASKS.all().keys() | PROBLEMS.all().keys()
    return len(cases)


@pytest.mark.parametrize("words", [words for words in WORDS.values() if words[0] == "rnnbench"], ids=shlex.join)
def test_a_command_of_a_page_is_one(words, monkeypatch):
    """It is parsed, and where it names suites, plans cases of variants and tasks that exist."""
    monkeypatch.chdir(CLONE)
    planned = check(words)
    assert planned or not {"--suite", "measure"} & set(words)


@pytest.mark.parametrize("words", [words for words in WORDS.values() if words[0] == "pytest"], ids=shlex.join)
def test_a_pytest_command_of_a_page_is_one(words, pytestconfig):
    """The plugin and pytest know its options, and its files exist."""
    options, unknown = pytestconfig._parser.parse_known_and_unknown_args(words[1:])
    assert not unknown
    assert options.file_or_dir
    assert all((CLONE / path).is_file() for path in (*options.file_or_dir, *options.rnnbench_plugin))


@pytest.mark.parametrize(
    "line",
    [
        "rnnbench rum --suite depth",
        "rnnbench run --suit depth",
        "rnnbench run --suite dept",
        "rnnbench run --suite depth --set depht=1",
        "rnnbench run --suite depth --set variant=lstmm",
        "rnnbench run --suite depth --select 'depth > 99'",
        "rnnbench run --suite depth --plugin docs/examples/absent.py",
        "rnnbench measure docs/examples/my_model.py:mak",
        "rnnbench duet --suite depth --set-a precision=fp23",
        "rnnbench list variant lstmm",
        "rnnbench baseline sav x",
    ],
)
def test_a_wrong_command_is_found(line, monkeypatch):
    """What a page could get wrong fails the test above."""
    monkeypatch.chdir(CLONE)
    try:
        planned = check(shlex.split(line))
    except (RnnbenchError, AssertionError, typer.BadParameter.__bases__[0]):
        return
    assert planned == 0  # --select leaves none
