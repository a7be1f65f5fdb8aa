"""Where axes apply: no two planned cases run the same, and what `--set` does to suites of several grids."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench import Suite, grid
from rnnbench.applies import declared_of, settled
from rnnbench.axis import Axis, Where, own_axis
from rnnbench.case import AXES, Case
from rnnbench.errors import BadExpression, BadValue, UnknownName
from rnnbench.suite import choose
from tests.strategies import CASES

KEEP = replace(own_axis(0.5, "share of the state that is kept", phases=("train",)), name="keep")
GATES = replace(own_axis("two", "gates", values=("one", "two")), name="gates")
DECLARED = {
    "lstm": {},
    "gru": {},
    "window_attention": {"window": AXES["window"]},
    "early_exit_lstm": {"halt_at": replace(AXES["halt_at"], where=Where({"phase": ("forward",)}))},
    "mgu": {"keep": KEEP, "gates": GATES},
}


def suite(*grids) -> Suite:
    return Suite("s", title="t", question="q?", x="depth", hue="variant", cases=sum(grids, ()))


def chosen(*grids, **overrides):
    return choose([suite(*grids)], "cpu", "standard", overrides, None, DECLARED)


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"phase": "train", "lr": 0.1}, {}),
        ({"phase": "converge", "lr": 0.1}, {"lr": 0.1}),
        ({"phase": "converge", "temperature": 2.0}, {}),
        ({"phase": "converge", "temperature": 2.0, "distilled": True}, {"temperature": 2.0, "distilled": True}),
        ({"phase": "train", "distilled": True}, {}),
        ({"phase": "forward", "clip_norm": 1.0}, {}),
        ({"phase": "train", "clip_norm": 1.0}, {"clip_norm": 1.0}),
        ({"bucket_mib": 4, "scaling": "weak"}, {}),
        ({"bucket_mib": 4, "processes": 2}, {"bucket_mib": 4, "processes": 2}),
        ({"variant": "lstm", "halt_at": 0.3}, {}),
        ({"variant": "early_exit_lstm", "phase": "forward", "halt_at": 0.3}, {"halt_at": 0.3}),
        ({"variant": "early_exit_lstm", "phase": "train", "halt_at": 0.3}, {}),
        ({"variant": "window_attention", "window": 8}, {"window": 8}),
        ({"variant": "window_attention", "window": 512, "seq_len": 256}, {"window": 256, "seq_len": 256}),
        ({"variant": "window_attention", "window": 512, "seq_len": 64}, {"seq_len": 64}),
        ({"variant": "unknown", "halt_at": 0.3}, {"halt_at": 0.3}),
    ],
)
def test_a_value_that_changes_nothing_is_left_out(fields, left):
    """An axis that does not apply to a case is at its default; of an unknown variant nothing is assumed."""
    case = Case(**{"suite": "s", "phase": "train", **fields})
    found = settled(case, DECLARED)
    kept = {name: getattr(found, name) for name in fields if getattr(found, name) != AXES[name].default}
    assert {name: value for name, value in kept.items() if name not in ("variant", "phase")} == left


@given(CASES)
def test_settling_twice_is_settling_once(case):
    """A settled case stays as it is."""
    assert settled(settled(case, DECLARED), DECLARED) == settled(case, DECLARED)


def test_no_two_planned_cases_run_the_same():
    """A sweep over values that two of three variants cannot use has one case of each of these."""
    cases, remarks = chosen(grid(variant=("lstm", "early_exit_lstm", "gru"), phase="forward"), halt_at=(0.3, 0.6))
    assert [(case.variant, case.halt_at) for case in cases] == [
        ("lstm", 0.9),
        ("early_exit_lstm", 0.3),
        ("early_exit_lstm", 0.6),
        ("gru", 0.9),
    ]
    assert remarks == (
        "--set halt_at=0.3,0.6 changes only some of the cases: halt_at applies only to early_exit_lstm where phase is forward",
    )


def test_a_window_for_all_sets_no_variant_apart():
    """One value of an axis that only some variants read stays on all cases: they differ in their variant alone and can be compared."""
    cases, _ = chosen(grid(variant=("lstm", "window_attention"), window=8))
    assert cases[1] == replace(cases[0], variant="window_attention")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"halt_at": (0.3, 0.6)}, "halt_at applies only to early_exit_lstm where phase is forward"),
        ({"temperature": (2.0,)}, "temperature applies only where phase is converge and distilled is true"),
        ({"bucket_mib": (4,)}, "bucket_mib applies only where processes is not 1"),
        ({"keep": (0.1,)}, "keep applies only to mgu where phase is train"),
        ({"block_size": (4,)}, "block_size applies only to variants that declare it"),
    ],
)
def test_an_override_that_changes_no_case_is_refused(overrides, sentence):
    """One sentence quotes the override and says where the axis applies."""
    (name, values), *_ = overrides.items()
    with pytest.raises(BadExpression) as caught:
        chosen(grid(variant="lstm"), **overrides)
    assert str(caught.value) == f"--set '{name}={','.join(map(str, values))}' changes no case: {sentence}"


def test_a_default_is_no_wish():
    """Overriding an axis with its own default is fine wherever it does not apply."""
    assert len(chosen(grid(variant="lstm"), halt_at=(0.9,), clip_norm=(None,))[0]) == 1


def test_a_variants_own_axes_are_in_id_and_case():
    """Every case of a variant with axes of its own names their values, the default too; other variants have none."""
    cases, _ = chosen(grid(variant=("lstm", "mgu")), keep=(0.1, 0.5))
    assert [case.hyper for case in cases] == [None, "gates:two+keep:0.1", "gates:two+keep:0.5"]
    assert str(cases[1]).endswith("-cpu-gates:two+keep:0.1")
    assert (cases[1].keep, cases[1].gates) == (0.1, "two")
    assert Case.from_dict(cases[1].as_dict()) == cases[1]


def test_an_own_axis_may_apply_to_some_phases_only():
    """Where an own axis does not apply it is at its default."""
    assert [case.hyper for case in chosen(grid(variant="mgu", phase=("forward", "train")), keep=(0.1, 0.3))[0]] == [
        "gates:two+keep:0.5",
        "gates:two+keep:0.1",
        "gates:two+keep:0.3",
    ]


def test_a_grid_may_set_an_own_axis():
    """A suite of one's own writes the values as the id does, and what cannot be is refused."""
    cases, _ = chosen(grid(variant="mgu", hyper=("keep:0.1", "keep:0.2+gates:one", "keep:1")))
    assert [case.hyper for case in cases] == ["gates:two+keep:0.1", "gates:one+keep:0.2", "gates:two+keep:1.0"]
    with pytest.raises(UnknownName, match="unknown gates 'three'; choose from: one, two"):
        chosen(grid(variant="mgu", hyper="gates:three"))


@pytest.mark.parametrize("bad", ["keep", "keep=1", "keep:", ":1", "keep:0.1+", "Keep:1", "a b:1"])
def test_own_is_written_as_pairs(bad):
    """A text that is no list of NAME:VALUE is refused with an example."""
    with pytest.raises(BadValue, match=r"NAME:VALUE|a name of letters"):
        Case(suite="s", hyper=bad)


def test_an_attribute_that_no_axis_has_is_named():
    """A misspelt axis in a variant's builder raises AttributeError with the name."""
    with pytest.raises(AttributeError, match="no axis 'kept'"):
        _ = Case(suite="s", hyper="keep:0.1").kept


@given(st.floats(1e-12, 1e12) | st.integers(1, 10**12) | st.booleans() | st.sampled_from(["word", "a1"]))
def test_hyper_values_come_back_as_they_were(value):
    """Numbers, booleans and words survive their text."""
    axes = {"v": {"keep": replace(own_axis(value, "", values=("word", "a1") if isinstance(value, str) else None), name="keep")}}
    found = settled(Case(suite="s", variant="v"), axes).keep
    assert found == value
    assert type(found) is type(value) or isinstance(value, float)


def test_a_survey_brings_axes_across_processes():
    """What a variant declares comes back equal from the survey; one by an older rnnbench is left out, so nothing is assumed of it."""
    rows = [{"name": "mgu", "axes": [KEEP.as_dict(), GATES.as_dict()]}, {"name": "old"}]
    assert declared_of(rows) == {"mgu": {"keep": KEEP, "gates": GATES}}
    assert Axis.from_dict(KEEP.as_dict()) == KEEP


@pytest.mark.parametrize(("default", "values"), [(None, None), ("word", None), (b"x", None), ("1", ("1", "2")), ("a", ("a", "b c"))])
def test_an_own_axis_needs_a_kind(default, values):
    """A default that has no kind, and words that would read as numbers, are refused where the axis is declared."""
    with pytest.raises(BadValue):
        own_axis(default, "about", values=values)


TASKS = (
    grid(task="adding", seq_len=50, hidden_size=32, variant=("lstm", "gru"), phase="converge")
    + grid(task="text", seq_len=64, hidden_size=64, variant=("lstm", "gru"), phase="converge")
    + grid(task="text", seq_len=64, hidden_size=64, variant="speech", phase="converge")
)


@pytest.mark.parametrize(
    ("overrides", "found"),
    [
        ({"task": ("adding",)}, {("adding", 50, 32, "lstm"), ("adding", 50, 32, "gru")}),
        ({"variant": ("speech",)}, {("text", 64, 64, "speech")}),
        ({"hidden_size": (64,), "task": ("adding",)}, {("adding", 50, 64, "lstm"), ("adding", 50, 64, "gru")}),
        ({"variant": ("speech", "gru")}, {("adding", 50, 32, "gru"), ("text", 64, 64, "gru"), ("text", 64, 64, "speech")}),
        ({"task": ("own",), "variant": ("lstm",)}, {("own", 50, 32, "lstm"), ("own", 64, 64, "lstm")}),
        ({"task": ("adding", "own"), "variant": ("speech",)}, {("adding", 64, 64, "speech"), ("own", 64, 64, "speech")}),
    ],
)
def test_an_override_keeps_the_grids_that_have_the_value(overrides, found):
    """Grids that have it are restricted to it; only what no grid has is given to all; sizes come after variants and tasks."""
    cases, _ = chosen(TASKS, **overrides)
    assert {(case.task, case.seq_len, case.hidden_size, case.variant) for case in cases} == found


def test_one_line_says_which_grids_are_left():
    """The remark names the suite, the override and how many grids it keeps."""
    assert chosen(TASKS, task=("adding",))[1] == ("s: --set task=adding keeps 1 of 3 grids: the others do not have it",)
    assert chosen(TASKS, seed=(1,))[1] == ()


def test_a_grid_has_the_defaults_of_what_it_does_not_name():
    """Overriding with a default keeps the grids that are silent on the axis."""
    cases, _ = chosen(grid(depth=1, bucket_mib=(1, 4), processes=2) + grid(depth=3, processes=2), bucket_mib=(None,))
    assert [case.depth for case in cases] == [3]
