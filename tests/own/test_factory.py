"""A user's function: which axes it takes, what it may return, and how it is named."""

import pytest
import torch
from torch import nn

from rnnbench.case import OWN_BLANK, Case
from rnnbench.errors import BadPlugin
from rnnbench.measure.own.factory import load_model, own_of
from rnnbench.own_model import PARCEL, is_own, named, placed, variant_of
from tests.own import models
from tests.tools import ROOT

BLANK = {"suite": "own_model", **dict.fromkeys(OWN_BLANK)}


def test_a_function_takes_the_axes_that_it_names():
    """With its own defaults; parameters that are no axes keep theirs."""
    own = own_of("m:f", lambda batch_size=7, hidden_size=8, dropout=0.1: None)
    assert own.axes == {"batch_size": 7, "hidden_size": 8}


def test_settings_of_the_case_are_passed_on():
    """precision and seed are the case's, not the function's default."""
    asked = []
    own = own_of("m:f", lambda precision="fp32", seed=3: (asked.append((precision, seed)) or nn.Identity(), torch.ones(1)))
    assert own.axes == {}
    own.make(Case(**BLANK, variant="m:f", precision="bf16", seed=5))
    assert asked == [("bf16", 5)]


def test_one_parameter_called_case_gets_the_case():
    """Then every axis of a shape is taken, at its usual default."""
    own = own_of("m:f", models.plain_lstm)
    assert set(own.axes) == {"depth", "hidden_size", "input_size", "batch_size", "seq_len"}
    parts = own.make(Case(**{**BLANK, **own.axes, "hidden_size": 6, "batch_size": 3, "seq_len": 5, "input_size": 4}, variant="m:f"))
    assert parts.model.hidden_size == 6
    assert parts.batches[0][0].shape == (3, 5, 4)  # batch first, as the layer says
    assert "random inputs of (3, 5, 4)" in parts.note


def test_a_parameter_that_nobody_can_fill_is_named():
    """With what would do."""
    with pytest.raises(BadPlugin, match=r"'vocab' has no default and is no axis.*hidden_size"):
        own_of("m:f", models.takes_vocab)


MANY = (nn.Identity(), 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("made", "what"),
    [(None, "nothing"), (3, "an object of type int"), (MANY, "(Identity, int, int, int, int)"), ((), "()")],
)
def test_what_is_no_model_is_named(made, what):
    """And what a function may return is said."""
    own = own_of("m:f", lambda: made)
    with pytest.raises(TypeError, match=r"return a module, \(module, batch\)") as caught:
        own.make(Case(**BLANK, variant="m:f"))
    assert f"returned {what}:" in str(caught.value)


def test_a_module_is_found_by_name_and_a_file_by_path():
    """Both give the same kind of model."""
    assert load_model("tests.own.models:make").axes == {"batch_size": 4}
    own = load_model(f"{ROOT}/docs/examples/my_model.py:make")
    assert (own.name, own.axes) == ("my_model:make", {"batch_size": 16, "hidden_size": 128})


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("tests.own.models:nobody", "has no function 'nobody'"),
        ("tests.own.models:HIDDEN", "has no function 'HIDDEN'"),
        ("no.such.package:make", "ModuleNotFoundError"),
        ("no_such_file.py:make", "there is no such file"),
    ],
)
def test_what_cannot_be_loaded_says_why(spec, words):
    """In one sentence that quotes it."""
    with pytest.raises(BadPlugin, match=words):
        load_model(spec)


@pytest.mark.parametrize("text", ["mypkg.models:make", "models.py:make", "/a b/models.py:make", f"/tmp/x{PARCEL}"])
def test_models_are_told_from_suites(text):
    """By their form alone."""
    assert is_own(text)


@pytest.mark.parametrize("text", ["depth", "bench_mine.py", "C:\\x", "mypkg.models", "a-b:make", "mypkg:", ":make", "a:b:c d"])
def test_other_texts_are_none(text):
    """A suite's name, a path, half a name."""
    assert not is_own(text)


@pytest.mark.parametrize("home", ["mypkg.models", "a" * 200, "größe", ".", ""])
def test_every_name_fits_a_case(home):
    """Whatever the module is called, its variant is a name that a case takes, and an own model's."""
    case = Case(**BLANK, variant=named(home, "make"))
    assert case.own
    assert case.variant.endswith(":make")


def test_names_are_read_back():
    """A file's stem, a module's whole name, a parcel's file name."""
    assert variant_of("a/models.py:make") == "models:make"
    assert variant_of("mypkg.models:make") == "mypkg.models:make"
    assert variant_of(f"/tmp/mypkg:Net{PARCEL}") == "mypkg:Net"


def test_only_files_are_placed():
    """A module's name is no path."""
    assert placed("mypkg.models:make", lambda path: f"/there/{path}") == "mypkg.models:make"
    assert placed("models.py:make", lambda path: f"/there/{path}") == "/there/models.py:make"
    assert placed("plugin.py", lambda path: f"/there/{path}") == "/there/plugin.py"


def test_what_a_model_lacks_is_none_in_its_case_alone():
    """A built-in variant without a depth is refused."""
    assert Case(**BLANK, variant="m:f").depth is None
    with pytest.raises(Exception, match="depth=None is invalid"):
        Case(suite="s", variant="lstm", depth=None)


def test_random_batches_come_without_a_hint_too():
    """A class of torch's own, named as it is: its first layer says how wide its input is."""
    own = own_of("m:f", lambda hidden_size=8: nn.GRU(5, hidden_size))
    parts = own.make(Case(**{**BLANK, "hidden_size": 8}, variant="m:f"))
    assert parts.batches[0][0].shape == (128, 32, 5)
    assert isinstance(parts.loss(parts.model(parts.batches[0][0]), parts.batches[0][1]), torch.Tensor)
