"""--set and --select: what they read, what they refuse, and that nothing in them is ever run."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rnnbench.axis import own_axis
from rnnbench.case import AXES, Case
from rnnbench.choose import parse_set, selector
from rnnbench.errors import BadExpression, BadValue, RnnbenchError, UnknownName, UsageError
from tests.strategies import CASES

CASE = Case(suite="s", variant="lstm", depth=3)
CLIPPED = Case(suite="s", clip_norm=1.0)
WORDS = "and or not in is if else for lambda: True == < >= != ( ) [ ] , . 1 2.5 1j b'x' x __import__ f'{depth}' * - := \\ ' # { } ... ~"
PIECES = st.sampled_from([*AXES, *WORDS.split(), "\n"])


@given(st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=40))
@example("not " * 900 + "depth")
@example("(" * 150 + "depth" + ")" * 150)
@example("9" * 5000 + " == depth")
@example("depth" + " == depth" * 1100)
@example("depth == 1\x00")
@example("'\ud800' == variant")
def test_any_selection_is_read_or_refused_in_a_sentence(text):
    """No --select text whatever raises anything but an error with a sentence and the exit code for usage."""
    with suppress(UsageError):
        keep = selector(text)
        assert keep is None or keep(CASE) in (True, False)


@given(st.lists(st.text(max_size=20) | st.tuples(st.sampled_from(list(AXES)), st.text(max_size=8)).map("=".join), max_size=3))
@example(["depth=" + "9" * 5000])
@example(["clip_norm=1e999"])
@example(["seed=-1"])
def test_any_override_is_read_or_refused_in_a_sentence(texts):
    """No --set text whatever raises anything but an error with a sentence; what is read makes a case."""
    try:
        axes = parse_set(texts)
    except UsageError:
        return
    for name, values in axes.items():
        for value in values:
            assert getattr(Case.from_dict({"suite": "s", name: value}), name) == value


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('variant == "lstm" and depth > 2', True),
        ('variant == "gru" or depth < 2', False),
        ("not depth == 3", False),
        ("1 < depth <= 3", True),
        ("depth in (1, 3)", True),
        ("depth not in [1, 3]", False),
        ("variant in ('gru', 'lstm')", True),
        ("bidirectional", False),
        ("clip_norm == None", True),
        ("  depth == 3  ", True),
        ("hidden_size > depth", True),
    ],
)
def test_a_selection_says_what_it_reads(text, kept):
    """Comparisons, chains, membership and boolean words mean what they mean in Python."""
    assert selector(text)(CASE) is kept


@pytest.mark.parametrize("text", ["clip_norm > 0", "clip_norm < 5", "0.5 <= clip_norm", "clip_norm >= 1"])
def test_no_clipping_is_neither_more_nor_less(text):
    """A case without clipping is left out by any order that is asked of clip_norm, and a clipped one is not."""
    assert (selector(text)(CASE), selector(text)(CLIPPED)) == (False, True)


@given(CASES, st.sampled_from(["depth", "hidden_size", "batch_size", "seq_len", "seed"]), st.integers(0, 4))
def test_a_comparison_agrees_with_python(case, name, number):
    """Each order of a numeric axis against a number is Python's own."""
    value = getattr(case, name)
    told = [selector(f"{name} {sign} {number}")(case) for sign in ("==", "!=", "<", "<=", ">", ">=")]
    assert told == [value == number, value != number, value < number, value <= number, value > number, value >= number]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch {0}')",
        "open('{0}', 'w')",
        "[open('{0}', 'w') for _ in (1,)]",
        "(lambda: open('{0}', 'w'))()",
        "depth.__class__",
        "variant.upper() == 'LSTM'",
        'f\'{{open("{0}", "w")}}\'',
        "variant[0] == 'l'",
        "depth + 1 == 4",
        "2 ** 10 ** 10 == depth",
        "(depth := 4)",
        "1 if depth else 2",
    ],
)
def test_nothing_in_a_selection_is_run(text, tmp_path):
    """Calls, attributes, arithmetic and comprehensions are refused when they are read, and leave no trace."""
    with pytest.raises(BadExpression, match="compare axes with"):
        selector(text.format(tmp_path / "trace"))
    assert not list(tmp_path.iterdir())


def test_a_misspelt_axis_in_a_selection_lists_the_nearest_first():
    """An unknown name in --select is quoted, with the axes."""
    with pytest.raises(UnknownName, match="unknown axis 'depht'; choose from: depth, "):
        selector("depht > 2")


def test_an_unquoted_word_is_not_mistaken_for_a_value():
    """A value without quotes is an unknown axis, not a silent mismatch."""
    with pytest.raises(UnknownName, match="unknown axis 'lstm'"):
        selector("variant == lstm")


def test_numbers_and_words_do_not_compare():
    """A number held against a word is refused with both quoted."""
    with pytest.raises(BadExpression, match="3 and '2' cannot be compared"):
        selector("depth > '2'")(CASE)


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_no_selection_keeps_everything(text):
    """An empty --select is no filter."""
    assert selector(text) is None


@pytest.mark.parametrize(
    "text",
    ["depth == ", "depth = 2", "'", "(", "depth ==== 2", "a b", "import os", "depth == 2; depth"],
)
def test_a_malformed_selection_is_quoted_with_an_example(text):
    """What is no expression is quoted, and the sentence shows one that is."""
    with pytest.raises(BadExpression) as caught:
        selector(text)
    assert repr(text) in str(caught.value)
    assert "--select 'variant" in str(caught.value)


def test_overrides_are_read_by_the_axis_kind():
    """Whole numbers, numbers, words, yes and no, and none."""
    texts = ["depth=2, 4", "clip_norm=0.5,none", "variant=lstm", "bidirectional=yes,no"]
    assert parse_set(texts) == {"depth": (2, 4), "clip_norm": (0.5, None), "variant": ("lstm",), "bidirectional": (True, False)}


@pytest.mark.parametrize("text", ["depth", "=2", "depth=", "depth=1,,2", "", "depth=,", " = ", "device=cuda"])
def test_a_malformed_override_is_quoted(text):
    """What is not AXIS=VALUE is quoted."""
    with pytest.raises(BadExpression) as caught:
        parse_set([text])
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dept=2", "unknown axis 'dept'; choose from: depth, "),
        ("precision=bf61", "unknown precision 'bf61'; choose from: bf16, "),
        ("depth=two", "depth='two' is invalid: expected a whole number from 1"),
        ("depth=0", "depth=0 is invalid: expected a whole number from 1"),
        ("clip_norm=0", "clip_norm=0.0 is invalid: expected a number above 0, or none"),
        ("bidirectional=2", "bidirectional='2' is invalid: expected true or false"),
    ],
)
def test_a_bad_override_says_what_would_do(text, sentence):
    """An unknown axis or value lists the good ones, nearest first; a bad number says what range would do."""
    with pytest.raises(RnnbenchError) as caught:
        parse_set([text])
    assert str(caught.value).startswith(sentence)


def test_an_axis_that_is_set_again_has_all_values():
    """`--set depth=1 --set depth=2` is `--set depth=1,2`, each value once."""
    assert parse_set(["depth=1", "variant=lstm", "depth=2,1"]) == {"depth": (1, 2), "variant": ("lstm",)}


@pytest.mark.parametrize("text", ["clip_norm == none", "clip_norm == None", "bidirectional == false", "not bidirectional == true"])
def test_constants_are_written_as_in_an_override(text):
    """none, true and false mean in --select what they mean in --set."""
    assert selector(text)(CASE) is True


DECLARED = {"mgu": {"keep": replace(own_axis(0.5, "share"), name="keep")}}


def test_a_variants_own_axis_is_set_and_selected_like_any():
    """What a variant declares is parsed by its kind, refused like any value, and selects; where no variant declares it, it is unknown."""
    assert parse_set(["keep=0.1,1"], DECLARED) == {"keep": (0.1, 1.0)}
    with pytest.raises(BadValue, match=r"keep=0\.0 is invalid: expected a number above 0"):
        parse_set(["keep=0"], DECLARED)
    keep = selector("keep < 0.3", DECLARED)
    assert [keep(Case(suite="s", hyper=own)) for own in ("keep:0.1", "keep:0.4", None)] == [True, False, False]
    with pytest.raises(UnknownName, match="unknown axis 'keep'"):
        parse_set(["keep=0.1"])
