"""Registries and a user's own files: what is dropped in is found, and what cannot be loaded is told in a sentence."""

import pytest

from rnnbench.axis import own_axis
from rnnbench.case import IMPLEMENTATIONS
from rnnbench.errors import BadPlugin, UnknownName
from rnnbench.registry import Registry, load_file
from rnnbench.variants import VARIANTS, variant


def test_a_name_is_taken_once():
    """A second thing of the same name is refused, and the first stays."""
    registry = Registry("thing", "tests")
    registry.add("one", 1)
    with pytest.raises(BadPlugin, match="'one' cannot be loaded: a thing of that name exists already"):
        registry.add("one", 2)
    assert registry._found["one"] == 1


def test_every_file_of_the_package_is_found():
    """Files dropped into rnnbench/variants are found without being listed anywhere."""
    assert {"elman", "elman_relu", "lstm", "gru"} <= set(VARIANTS)


def test_an_unknown_variant_lists_the_nearest_first():
    """An unknown name is quoted with what there is."""
    with pytest.raises(UnknownName, match="unknown variant 'lstmm'; choose from: lstm, "):
        VARIANTS["lstmm"]


def test_an_implementation_that_there_is_not_is_refused():
    """A variant that claims an implementation of its own invention is refused where it is written."""
    with pytest.raises(BadPlugin, match=f"implementation 'magic' is not one of {', '.join(IMPLEMENTATIONS)}"):
        variant(implementations=("magic",), source="none")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("absent.py", None, "there is no such file"),
        ("words.txt", "x = 1", "it is not a Python file"),
        ("broken.py", "def (", "SyntaxError"),
        ("raises.py", "raise KeyError('x')", "KeyError: 'x'"),
        ("leaves.py", "import sys; sys.exit(3)", "SystemExit: 3"),
        ("nul.py", "x = 1\0", "Error"),
        ("latin.py", b'x = "\xe9"', "SyntaxError"),
        ("lacks.py", "import nothing_of_that_name", "ModuleNotFoundError"),
        ("deep.py", "def f(): f()\nf()", "RecursionError"),
        ("~nobody_of_that_name/x.py", None, ""),
    ],
)
def test_a_file_that_cannot_be_loaded_says_why(name, text, why, tmp_path):
    """A plugin that is absent, foreign, broken or raising raises BadPlugin with its path and the error's own words."""
    path = name if name.startswith("~") else tmp_path / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadPlugin) as caught:
        load_file(path)
    assert why in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_plugin(tmp_path):
    """A folder in a plugin's place is refused."""
    with pytest.raises(BadPlugin, match="there is no such file"):
        load_file(tmp_path)


def test_a_file_is_run_once(tmp_path):
    """Loading a file again gives the module that is there: its variants are not registered twice."""
    (tmp_path / "once.py").write_text("import itertools\nCOUNT = []\nCOUNT.append(1)\n")
    first = load_file(tmp_path / "once.py")
    assert load_file(str(tmp_path / "once.py")) is first
    assert first.COUNT == [1]


def test_a_file_that_failed_may_be_mended(tmp_path):
    """A file that could not be loaded is not remembered as if it had been."""
    path = tmp_path / "mended.py"
    path.write_text("1 / 0")
    with pytest.raises(BadPlugin, match="ZeroDivisionError"):
        load_file(path)
    path.write_text("VALUE = 7")
    assert load_file(path).VALUE == 7


def test_a_plugin_imports_a_file_beside_it(tmp_path):
    """A helper in the plugin's own folder is found, and it hides no installed package."""
    (tmp_path / "helper_of_the_plugin.py").write_text("X = 5")
    (tmp_path / "hypothesis.py").write_text("raise SystemError")
    (tmp_path / "plugin.py").write_text("import helper_of_the_plugin, hypothesis\nX = helper_of_the_plugin.X")
    assert load_file(tmp_path / "plugin.py").X == 5


@pytest.mark.parametrize("name", ["my/gru v2", "a,b", "", "-x", "x" * 65, "é"])
def test_a_name_that_cannot_be_chosen_is_refused(name):
    """A variant is registered only under a name that --set, an id and a file can hold."""
    with pytest.raises(BadPlugin, match="a variant has a name of letters, digits"):
        variant(name=name)(lambda case: None)


def test_a_variant_needs_nothing_but_its_function(monkeypatch):
    """Bare `@variant`, without parentheses or source, registers the function under its name, and the function stays a function."""
    monkeypatch.setattr(VARIANTS, "_found", dict(VARIANTS.all()))

    @variant
    def plain_one(case):
        """One line."""
        return case

    found = VARIANTS["plain_one"]
    assert (found.implementations, found.source, found.about, found.axes) == (("fused",), "", "One line.", {})
    assert plain_one(3) == 3


def test_every_variant_of_the_package_names_its_source():
    """What is optional for a user's own file is not for ours."""
    assert [name for name, one in VARIANTS.all().items() if one.build.__module__.startswith("rnnbench.variants") and not one.source] == []


@pytest.mark.parametrize(
    ("axes", "why"),
    [
        (("depth",), "'depth' is not an axis that variants share"),
        (("windo",), "(window, block_size, halt_at)"),
        ({"as_dict": own_axis(1, "")}, "'as_dict' cannot name an axis"),
        ({"window": own_axis(1, "")}, "'window' cannot name an axis"),
        ({"Keep it": own_axis(1, "")}, "'Keep it' cannot name an axis"),
    ],
)
def test_an_axis_that_cannot_be_declared_is_refused(axes, why):
    """Names that are no shared axis, or that a case uses for something else, are refused where the variant is written."""
    with pytest.raises(BadPlugin) as caught:
        variant(name="declares", axes=axes)(lambda case: None)
    assert why in str(caught.value)
