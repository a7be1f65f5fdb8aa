"""Case: its id, its fields, and what it refuses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.case import AXES, Case
from rnnbench.errors import BadValue, UnknownName, UsageError
from tests.strategies import CASES, FIELDS


def test_the_id_names_every_field_that_matters():
    """An id reads suite, variant, phase, shape, precision, implementation, device."""
    assert str(Case(suite="depth", variant="gru", depth=4)) == "depth/gru-train-L4-H256-I256-B32-T128-fp32-fused-cpu"


def test_rare_fields_show_only_where_they_are_set():
    """Two directions, clipping and a seed are appended to an id, so that ids outlive new fields."""
    plain, rare = Case(suite="s"), Case(suite="s", bidirectional=True, clip_norm=0.5, seed=3)
    assert str(rare) == f"{plain}-bi-clip0.5-s3"


@given(CASES, st.data())
def test_a_changed_field_changes_the_id(case, data):
    """Cases that differ in one field differ in their ids."""
    name = data.draw(st.sampled_from(sorted(FIELDS)))
    other = Case.from_dict({**case.as_dict(), name: data.draw(FIELDS[name])})
    assert (str(other) == str(case)) == (other == case)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"clip_norm": 1.0}, {"clip_norm": 1.0000001}),
        ({"clip_norm": 10.0**18}, {"clip_norm": 10**18 + 1}),
        ({"clip_norm": 1.0}, {"task": "clip1"}),
        ({"bidirectional": True}, {"task": "bi"}),
        ({"seed": 3}, {"task": "s3"}),
        ({"hidden_size": 12, "input_size": 3}, {"hidden_size": 1, "input_size": 23}),
        ({"suite": "a", "variant": "b"}, {"suite": "ab"}),
    ],
)
def test_look_alikes_have_ids_of_their_own(one, other):
    """Cases whose ids could be mistaken for each other have different ones."""
    assert str(Case(**{"suite": "s", **one})) != str(Case(**{"suite": "s", **other}))


def test_equal_norms_have_one_id():
    """A whole number and the same number with a point are one case with one id."""
    assert str(Case(suite="s", clip_norm=10**18)) == str(Case(suite="s", clip_norm=1e18))


@given(CASES, CASES)
def test_ids_are_one_to_one(one, other):
    """Two cases share an id exactly where they are equal."""
    assert (str(one) == str(other)) == (one == other)


@given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12))
def test_names_that_would_blur_ids_are_refused(suite, variant, task):
    """A name that an id, a folder or a log file could not hold is refused; any other leaves an id without separators of its own."""
    try:
        case = Case(suite=suite, variant=variant, task=task)
    except UsageError:
        return
    assert str(case).count("/") == 1
    assert str(case).isprintable()


@given(CASES)
def test_a_case_survives_json(case):
    """as_dict and from_dict are each other's inverse, through JSON too."""
    again = Case.from_dict(json.loads(json.dumps(case.as_dict())))
    assert again == case
    assert str(again) == str(case)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("depth", 0),
        ("depth", -1),
        ("depth", 1.5),
        ("depth", True),
        ("depth", "2"),
        ("depth", None),
        ("seq_len", 2**70),
        ("seed", -1),
        ("clip_norm", 0.0),
        ("clip_norm", float("nan")),
        ("clip_norm", float("inf")),
        ("bidirectional", 1),
        ("phase", "backwards"),
        ("precision", "fp8"),
        ("implementation", ["fused"]),
        ("variant", ""),
        ("variant", None),
        ("variant", "a/b"),
        ("suite", ""),
        ("suite", "a/b"),
        ("suite", "../up"),
    ],
)
def test_a_bad_value_is_quoted(name, bad):
    """A field out of range or of another type raises a usage error that quotes it."""
    with pytest.raises(UsageError) as caught:
        Case(**{"suite": "s", name: bad})
    assert repr(bad) in str(caught.value) or f"{str(bad)!r}" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_value_near_a_good_one_names_that_first():
    """The message for an unknown value lists the nearest good one in front."""
    with pytest.raises(UnknownName, match="unknown implementation 'fusd'; choose from: fused, loop, cell"):
        Case(suite="s", implementation="fusd")


def test_a_field_of_a_newer_version_is_refused_by_name():
    """from_dict names the field that it does not know instead of dropping it."""
    with pytest.raises(UnknownName, match="unknown axis 'dropout'"):
        Case.from_dict({"suite": "s", "dropout": 0.1})


def test_every_axis_parses_its_own_default():
    """What a default is written as parses back to it: the command line can name every default."""
    for axis in AXES.values():
        assert axis.parse(str(axis.default)) == axis.default


@pytest.mark.parametrize(("text", "value"), [("true", True), ("YES", True), ("1", True), ("false", False), ("no", False), ("0", False)])
def test_directions_are_written_in_words(text, value):
    """A yes or no is read from the words that people use."""
    assert AXES["bidirectional"].parse(text) is value


def test_a_bad_boolean_says_what_would_do():
    """A word that is neither yes nor no raises BadValue with the words that are."""
    with pytest.raises(BadValue, match="bidirectional='maybe' is invalid: expected true or false"):
        AXES["bidirectional"].parse("maybe")
