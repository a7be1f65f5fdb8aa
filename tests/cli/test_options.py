"""Options that commands share: declared once, they fill a request, and help shows what to write."""

import re
from dataclasses import fields, replace

import pytest
import typer.main

from rnnbench.budget import BUDGETS
from rnnbench.cli import duet, plan, profile, run  # noqa: F401 - each adds its command
from rnnbench.cli.app import app
from rnnbench.cli.options import OPTIONS, requested
from rnnbench.runs.request import Request

ALL = {name: option for group in OPTIONS.values() for name, option in group.items()}
COMMANDS = typer.main.get_command(app).commands


@pytest.mark.parametrize("name", ALL)
def test_an_option_fills_a_field_that_there_is(name):
    """Each option's field is one of a Request or of its budget, or the command reads the option itself."""
    field = name if ALL[name].field is None else ALL[name].field
    known = {one.name for one in fields(Request)} | {f"budget.{key}" for key in BUDGETS["quick"].as_dict()} | {""}
    assert field in known


def test_a_request_without_options_is_the_default_one():
    """The table's defaults are the request's own."""
    given = requested({name: option.default for name, option in ALL.items()}, command=())
    assert set(given.budget.values()) == {None}
    assert replace(given, budget={}) == Request()


@pytest.mark.parametrize("name", ["run", "duet", "profile", "plan"])
def test_a_shared_option_reads_the_same_everywhere(name):
    """A command shows the table's help and placeholder for each option that it shares."""
    shared = {one.name: one for one in COMMANDS[name].params if one.name in ALL and one.name != "results"}
    assert len(shared) >= 7
    for key, one in shared.items():
        assert (one.help, one.metavar) == (ALL[key].help, ALL[key].metavar)


def test_a_command_may_have_a_default_of_its_own():
    """A duet is quick unless the user says otherwise, a run standard."""
    assert [next(one.default for one in COMMANDS[name].params if one.name == "preset") for name in ("duet", "run")] == ["quick", "standard"]


@pytest.mark.parametrize("name", ["run", "duet", "profile", "plan"])
def test_help_shows_placeholders_and_no_types(typed, name, tmp_path):
    """Help names what to write, as SECONDS or FILE, and no type of a value or a flag."""
    told = typed(name, "--help", cwd=tmp_path).out
    assert "<bool>" not in told
    assert "BOOLEAN" not in told
    assert not re.search(r"--(suite|set|plugin|device|select)\b[^\n]*<", told)
    assert "AXIS=VALUE" in told
