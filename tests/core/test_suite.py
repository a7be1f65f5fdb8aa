"""Suite and grid(): how the layers of a grid give the cases."""

import pytest

from rnnbench import Suite, grid
from rnnbench.errors import BadValue, UnknownName, UsageError
from rnnbench.suite import METRIC, TABLE, Grid, Reading


def suite(*grids: tuple[Grid, ...]) -> Suite:
    return Suite("s", title="t", question="q?", x="depth", hue="variant", cases=sum(grids, ()))


def test_a_grid_crosses_its_axes_in_their_order():
    """The last axis turns fastest, as in nested loops."""
    cases = suite(grid(variant=("lstm", "gru"), depth=(1, 2))).expand()
    assert [(case.variant, case.depth) for case in cases] == [("lstm", 1), ("lstm", 2), ("gru", 1), ("gru", 2)]


@pytest.mark.parametrize(
    ("device", "preset", "overrides", "hidden_size"),
    [
        ("cpu", "standard", {}, 2),
        ("cuda", "standard", {}, 3),
        ("cuda:1", "standard", {}, 3),
        ("toy", "standard", {}, 3),
        ("cpu", "quick", {}, 4),
        ("cuda", "full", {}, 5),
        ("cuda", "quick", {"hidden_size": (6,)}, 6),
    ],
)
def test_each_layer_overrides_the_one_before(device, preset, overrides, hidden_size):
    """Base, then device, then preset, then what the user says; any accelerator has CUDA's sizes."""
    layers = grid(hidden_size=1, cpu={"hidden_size": 2}, cuda={"hidden_size": 3}, quick={"hidden_size": 4}, full={"hidden_size": 5})
    (case,) = suite(layers).expand(device, preset, overrides)
    assert (case.hidden_size, case.device) == (hidden_size, device)


def test_a_case_that_two_grids_share_is_measured_once():
    """Grids add up, and what both hold appears once, at its first place."""
    cases = suite(grid(depth=(1, 2)), grid(depth=(2, 3))).expand()
    assert [case.depth for case in cases] == [1, 2, 3]


def test_keep_leaves_out():
    """Only cases that the filter holds for are left, in order."""
    assert [case.depth for case in suite(grid(depth=(1, 2, 3))).expand(keep=lambda case: case.depth != 2)] == [1, 3]


def test_an_override_may_name_an_axis_that_the_grid_does_not():
    """--set reaches every axis, swept by the suite or not."""
    assert {case.batch_size for case in suite(grid(depth=1)).expand(overrides={"batch_size": (3, 5)})} == {3, 5}


@pytest.mark.parametrize("layer", ["base", "cpu", "cuda", "quick", "full"])
def test_an_unknown_axis_is_named_where_the_suite_is_written(layer):
    """A misspelt axis in any layer is refused when the file is loaded, nearest name first."""
    axes = {"dept": 1}
    with pytest.raises(UnknownName, match="unknown axis 'dept'; choose from: depth"):
        grid(**(axes if layer == "base" else {layer: axes}))


@pytest.mark.parametrize("field", ["x", "hue"])
def test_what_a_suite_sweeps_is_an_axis(field):
    """x and hue name axes."""
    with pytest.raises(UnknownName, match="'hiden_size'; choose from: hidden_size"):
        Suite("s", **{"title": "t", "question": "q?", "x": "depth", "hue": "variant", "cases": grid(), field: "hiden_size"})


def test_an_unknown_preset_lists_the_presets():
    """A preset that is none of ours is quoted, with those that are."""
    with pytest.raises(UnknownName, match="unknown preset 'quik'; choose from: quick, standard, full"):
        suite(grid()).expand(preset="quik")


def test_a_bad_value_in_a_grid_is_quoted():
    """A value that a case cannot have stops the expansion and is quoted."""
    with pytest.raises(UsageError, match="depth=0 is invalid"):
        suite(grid(depth=(1, 0))).expand()


WORDS = {"title": "t", "question": "q?", "x": "depth", "hue": "variant", "cases": grid()}


def test_a_run_says_how_its_suite_is_read():
    """Metric, table and baseline go through the texts of run.json unchanged."""
    one = Suite(
        "s", **WORDS, metric="p99_s", table=("p95_s", "p99_s", "efficiency_share"), baseline={"clip_norm": None, "bidirectional": True}
    )
    assert Reading.of(one.about()) == Reading(
        "p99_s", ("p95_s", "p99_s", "efficiency_share"), {"clip_norm": "none", "bidirectional": "true"}
    )


def test_a_run_of_another_version_is_read_all_the_same():
    """Names of metrics and axes that this version does not know are passed over; a suite that states none is read by step time."""
    assert Reading.of({"metric": "joy", "table": "joy, p99_s", "baseline": "mood=good, depth=2"}) == Reading(
        METRIC, ("p99_s",), {"depth": "2"}
    )
    assert Reading.of({"name": "s"}) == Reading(METRIC, TABLE, {})


@pytest.mark.parametrize(("field", "value"), [("metric", "p98_s"), ("table", ("step_time_s", "p98_s"))])
def test_an_unknown_metric_is_named_where_the_suite_is_written(field, value):
    """A misspelt metric is refused when the file is loaded, nearest name first."""
    with pytest.raises(UnknownName, match="unknown metric 'p98_s'; choose from: p9"):
        Suite("s", **WORDS, **{field: value})


def test_the_table_shows_the_metric_that_answers_the_question():
    """A table without the suite's metric is refused."""
    with pytest.raises(BadValue, match="metrics that include p99_s"):
        Suite("s", **WORDS, metric="p99_s", table=("p95_s",))


def test_a_baseline_is_a_value_of_an_axis():
    """A baseline of an unknown axis, or of a value that the axis cannot take, is refused."""
    with pytest.raises(UnknownName, match="unknown axis 'depht'"):
        Suite("s", **WORDS, baseline={"depht": 1})
    with pytest.raises(UnknownName, match="unknown precision 'fp8'"):
        Suite("s", **WORDS, baseline={"precision": "fp8"})
