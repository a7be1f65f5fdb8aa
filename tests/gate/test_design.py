"""Two settings are no two versions: what differs by design is shown as a difference, never as a regression."""

from dataclasses import replace

import pytest

from rnnbench.case import Case
from rnnbench.errors import EXIT_OK, EXIT_REGRESSION, UsageError
from rnnbench.gate.compare import compare
from rnnbench.gate.design import across
from rnnbench.gate.policy import Policy
from tests.gate.sides import CASE, STEP, lost, records, side, times

HALF = replace(CASE, precision="bf16")


def verdicts(whole, metric):
    """Every verdict on a metric."""
    return [finding.verdict for finding in whole.findings if finding.metric == metric]


def both(**more):
    """A run of one case in two precisions; bf16 is faster and dispatches more operators."""
    return side("run", records(CASE, times(0)), records(HALF, times(1, factor=0.6), metrics={"operators": 73.0}, **more))


def test_one_run_is_two_sides_across_an_axis():
    """The cases of either precision are matched, and the comparison knows in what they differ."""
    whole = compare(*across(both(), "precision", "fp32", "bf16"), Policy())
    assert whole.design == {"precision": ("fp32", "bf16")}
    assert whole.by_design
    assert verdicts(whole, STEP) == ["improved"]


def test_an_exact_figure_that_differs_by_design_is_no_regression():
    """Operators 7 → 73 between two precisions are a difference (exit 0); between two runs of the same setting they end with 3."""
    whole = compare(*across(both(), "precision", "fp32", "bf16"), Policy())
    assert (verdicts(whole, "operators"), whole.exit_code) == (["changed"], EXIT_OK)
    same = compare(side("a", records(CASE, times(0))), side("b", records(CASE, times(1), metrics={"operators": 73.0})), Policy())
    assert (same.design, verdicts(same, "operators"), same.exit_code) == ({}, ["regressed"], EXIT_REGRESSION)


def test_an_environment_is_a_design():
    """Variables that one side of a duet alone was given set the two apart."""
    a = side("a", records(CASE, times(0)), environment={"OMP_NUM_THREADS": "1"})
    b = side("b", records(CASE, times(1), metrics={"operators": 73.0}))
    whole = compare(a, b, Policy())
    assert whole.design == {"OMP_NUM_THREADS": ("1", "not set")}
    assert verdicts(whole, "operators") == ["changed"]


def test_a_renamed_suite_is_no_design():
    """The same axes under another suite's name stay one setting, whose exact figures gate."""
    whole = compare(side("a", records(CASE, times(0))), side("b", records(replace(CASE, suite="deep"), times(1))), Policy())
    assert whole.design == {}


def test_a_setting_that_cannot_run_is_not_broken():
    """A case that is unsupported in one of two precisions fails at that setting; nothing broke."""
    found = side("run", records(CASE, times(0)), lost(HALF, "unsupported", "no bf16 here"), records(replace(CASE, depth=2), times(2)))
    found = replace(found, cases={**found.cases, **side("", records(replace(HALF, depth=2), times(3))).cases})
    whole = compare(*across(found, "precision", "fp32", "bf16"), Policy())
    assert {finding.verdict for finding in whole.findings if not finding.metric} == {"failed"}


@pytest.mark.parametrize(("axis", "values", "quoted"), [("wings", ("1", "2"), "wings"), ("precision", ("fp32", "fp8"), "fp8"),
                                                        ("precision", ("fp32", "fp32"), "two different values")])  # fmt: skip
def test_what_no_case_has_is_refused(axis, values, quoted):
    """An unknown axis, an absent value and one value twice end in a sentence of usage."""
    with pytest.raises(UsageError, match=quoted):
        across(both(), axis, *values)


def test_cases_are_told_apart_by_every_other_axis():
    """Only cases alike in all else are matched; the others are on one side alone."""
    found = side("run", records(CASE, times(0)), records(replace(HALF, depth=2), times(1)), records(HALF, times(2)))
    base, candidate = across(found, "precision", "fp32", "bf16")
    assert dict(candidate.aliases) == {str(HALF): str(CASE)}
    assert [finding.case for finding in compare(base, candidate, Policy()).findings if finding.verdict == "new"] == [
        str(Case(**{**HALF.as_dict(), "depth": 2}))
    ]
