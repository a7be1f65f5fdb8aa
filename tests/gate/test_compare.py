"""A verdict for every metric of every case, none left out; exit codes follow the gravest."""

from dataclasses import replace

import pytest

from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_OK, EXIT_REGRESSION, UsageError
from rnnbench.gate.compare import NothingToCompare, compare, same_side
from rnnbench.gate.policy import Policy
from rnnbench.gate.verdict import VERDICTS, Finding, gravest_first
from tests.gate.sides import CASE, STEP, lost, records, side, times, with_values
from tests.reports.factory import MACHINE

OTHER = replace(CASE, depth=2)
BASE = side("base", records(CASE, times(0)))


def found(candidate, base=BASE, policy=None, metric=STEP):
    """The finding on one metric, and the comparison."""
    whole = compare(base, candidate, policy or Policy())
    (one,) = [finding for finding in whole.findings if finding.metric == metric]
    return one, whole


@pytest.mark.parametrize(
    ("factor", "verdict", "code"),
    [
        (1.10, "regressed", EXIT_REGRESSION),
        (0.90, "improved", EXIT_OK),
        (1.00, "equivalent", EXIT_OK),
        (1.02, "inconclusive", EXIT_INCONCLUSIVE),
    ],
)
def test_four_verdicts(factor, verdict, code):
    """More than the minimum effect is a change, surely less is equivalent, the edge is inconclusive; the exit code follows."""
    one, whole = found(side("b", records(CASE, times(1, factor=factor))))
    assert one.verdict == verdict
    assert whole.exit_code == code
    assert one.low <= factor * 1.01
    assert one.high >= factor * 0.99


def test_higher_is_better_for_throughput():
    """Less throughput is a regression."""
    slow = {process: 900.0 + process for process in range(10)}
    fast = {process: 1000.0 + process for process in range(10)}
    base = with_values(BASE, str(CASE), "tokens_per_s", fast)
    policy = Policy(metrics=("tokens_per_s",))
    assert found(with_values(base, str(CASE), "tokens_per_s", slow), base, policy, "tokens_per_s")[0].verdict == "regressed"
    assert found(base, with_values(base, str(CASE), "tokens_per_s", slow), policy, "tokens_per_s")[0].verdict == "improved"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_few_processes_are_advice_and_never_fail(count):
    """However large the change, with fewer than five processes a side it is a hint: exit code 4, never 3."""
    one, whole = found(side("b", records(CASE, times(1, count, factor=3.0))), side("a", records(CASE, times(0, count))))
    assert one.verdict == "inconclusive"
    assert one.reason.startswith("advisory: 2")
    assert one.ratio == pytest.approx(3, rel=0.1)
    assert whole.exit_code == EXIT_INCONCLUSIVE


@pytest.mark.parametrize(
    ("operators", "verdict", "code"), [(8.0, "regressed", EXIT_REGRESSION), (6.0, "improved", EXIT_OK), (7.0, "equivalent", EXIT_OK)]
)
def test_exact_figures_gate_exactly(operators, verdict, code):
    """One operator more is a regression, from one process and without a test; one fewer is an improvement that is told."""
    base, candidate = side("a", records(CASE, times(0, 1))), side("b", records(CASE, times(1, 1), metrics={"operators": operators}))
    one, whole = found(candidate, base, Policy(only="deterministic"), "operators")
    assert (one.verdict, whole.exit_code, one.test) == (verdict, code, "exact")
    assert {finding.metric for finding in whole.findings} == {"parameters", "operators"}


def test_an_exact_figure_that_wavers_is_inconclusive():
    """Processes that disagree on a deterministic figure are told, and gate nothing."""
    wavering = [replace(one, metrics={**one.metrics, "operators": 7.0 + one.process}) for one in records(CASE, times(1, 2))]
    one, _ = found(side("b", wavering), policy=Policy(only="deterministic"), metric="operators")
    assert one.verdict == "inconclusive"
    assert "not the same in every process: 7, 8" in one.reason


def test_missing_and_new_cases_are_told():
    """A case on one side only is a finding, with the case of the other side that differs in one axis."""
    whole = compare(
        side("a", records(CASE, times(0)), records(OTHER, times(2))),
        side("b", records(CASE, times(1)), records(replace(OTHER, seed=3), times(2))),
        Policy(),
    )
    told = {finding.verdict: finding for finding in whole.findings if not finding.metric}
    assert set(told) == {"missing", "new"}
    assert "differs in seed only" in told["missing"].reason
    assert whole.exit_code == EXIT_INCONCLUSIVE


def test_a_new_case_alone_is_fine():
    """A candidate may measure more than the base."""
    assert compare(BASE, side("b", records(CASE, times(1)), records(OTHER, times(2))), Policy()).exit_code == EXIT_OK


def test_a_renamed_suite_is_told_and_compared():
    """The same axes under another suite's name are one case, named as renamed."""
    whole = compare(BASE, side("b", records(replace(CASE, suite="deep"), times(1, factor=1.2))), Policy())
    verdicts = {(finding.metric, finding.verdict) for finding in whole.findings}
    assert {("", "renamed"), (STEP, "regressed")} <= verdicts
    assert not {"missing", "new"} & {verdict for _, verdict in verdicts}


@pytest.mark.parametrize(
    ("before", "after", "verdict", "code"),
    [
        (None, lost(OTHER), "broken", EXIT_REGRESSION),
        (lost(OTHER), None, "mended", EXIT_OK),
        (lost(OTHER), lost(OTHER, "oom"), "failed", EXIT_INCONCLUSIVE),
        (lost(OTHER, "unsupported"), lost(OTHER, "unsupported"), "equivalent", EXIT_OK),
    ],
)
def test_a_change_of_status_is_a_verdict(before, after, verdict, code):
    """A case that is measured no longer breaks the comparison; one that never was is not silently skipped."""
    fine = records(OTHER, times(2))
    whole = compare(side("a", records(CASE, times(0)), before or fine), side("b", records(CASE, times(1)), after or fine), Policy())
    (one,) = [finding for finding in whole.findings if finding.case == str(OTHER) and not finding.metric]
    assert (one.verdict, whole.exit_code) == (verdict, code)
    assert "SIGSEGV" in one.reason


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"machine": {**MACHINE, "cpu": {**MACHINE["cpu"], "model": "EPYC"}}}, "cpu.model"),
        ({"machine": {**MACHINE, "gpus": [{"name": "H100"}]}}, "gpus"),
        ({"machine": {**MACHINE, "container": {}}}, "container.cpu_limit"),
        ({"conditions": {"budget": {"max_time_s": 9.0}}}, "budget"),
        ({"conditions": {"budget": {"max_time_s": 2.0}, "threads": 1}}, "threads"),
    ],
)
def test_other_machines_and_budgets_are_incompatible(change, told):
    """Times of another machine or budget get no verdict but that, exact figures are compared all the same."""
    base = side("a", records(CASE, times(0)), conditions={"budget": {"max_time_s": 2.0}})
    candidate = side("b", records(CASE, times(1, factor=2)), **{"conditions": base.conditions, **change})
    one, whole = found(candidate, base)
    assert one.verdict == "incompatible"
    assert told in one.reason
    assert told in whole.differences
    assert whole.exit_code == EXIT_INCONCLUSIVE
    assert found(candidate, base, metric="operators")[0].verdict == "equivalent"


def test_other_versions_are_what_is_compared():
    """Another torch is told and does not forbid the comparison."""
    newer = {**MACHINE, "torch": {**MACHINE["torch"], "version": "2.14.0"}}
    one, whole = found(side("b", records(CASE, times(1)), machine=newer))
    assert one.verdict == "equivalent"
    assert whole.differences == {"torch.version": ("2.13.0+cpu", "2.14.0")}


def test_two_sides_of_a_duet_are_paired():
    """Where both were measured in turn, pairs are held against each other, so that what slows both is no difference."""
    import numpy as np

    drift = np.exp(np.linspace(0, 1, 10))
    a, b = ([value * slow for value, slow in zip(times(seed), drift, strict=True)] for seed in (0, 1))
    paired = {"duet": "d1"}
    one, whole = found(side("b", records(CASE, b), **paired), side("a", records(CASE, a), **paired))
    assert (one.verdict, one.test, whole.paired) == ("equivalent", "Wilcoxon signed-rank", True)
    assert found(side("b", records(CASE, b)), side("a", records(CASE, a)))[0].verdict == "inconclusive"


def test_many_cases_raise_the_bar():
    """A change that would fail alone is only listed, or not even that, among two hundred that did not change."""
    grid = [replace(CASE, depth=depth) for depth in range(1, 201)]
    base = side("a", *(records(case, times(index, 5)) for index, case in enumerate(grid)))
    slow = [records(case, times(1000 + index, 5, factor=1.045 if index == 0 else 1.0)) for index, case in enumerate(grid)]
    one = next(
        finding for finding in compare(base, side("b", *slow), Policy()).findings if finding.metric == STEP and finding.case == str(grid[0])
    )
    alone, _ = found(side("b", slow[0]), side("a", records(grid[0], times(0, 5))))
    assert alone.failing
    assert not one.failing
    assert one.p_holm > one.p_worse


def test_what_is_listed_but_does_not_fail_asks_for_more():
    """A regression that only Benjamini–Hochberg lists ends with 4, not 3, and says what to do."""
    grid = [replace(CASE, depth=depth) for depth in range(1, 5)]
    p = dict(zip(grid, (1.06, 1.06, 1.045, 1.0), strict=True))
    base = side("a", *(records(case, times(index, 5)) for index, case in enumerate(grid)))
    whole = compare(base, side("b", *(records(case, times(50 + index, 5, factor=p[case])) for index, case in enumerate(grid))), Policy())
    listed = [finding for finding in whole.findings if finding.verdict == "regressed" and not finding.failing]
    for finding in listed:
        assert finding.exit_code == EXIT_INCONCLUSIVE
        assert "repeat with more processes" in finding.reason
    assert all(finding.p_bh <= whole.alpha < finding.p_holm for finding in listed)


def test_overrides_set_the_minimum_effect():
    """A case with an effect of its own is held against that."""
    policy = Policy().with_effects(["step_time_s=20%"])
    one, _ = found(side("b", records(CASE, times(1, factor=1.1))), policy=policy)
    assert (one.verdict, one.min_effect) == ("equivalent", 0.2)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_figures_that_cannot_be_are_told(bad):
    """Zero, negative and endless figures get no ratio and no verdict but inconclusive."""
    one, _ = found(with_values(BASE, str(CASE), STEP, dict.fromkeys(range(10), bad)))
    assert one.verdict == "inconclusive"
    assert one.ratio is None


def test_processes_that_ended_otherwise_are_counted():
    """A crash in some processes is told beside the verdict of the rest."""
    some = [*records(CASE, times(1)), replace(lost(CASE)[0], process=10)]
    assert "1 of 11 processes ended otherwise (killed by SIGSEGV)" in found(side("b", some))[0].reason


def test_empty_sides_compare_with_nothing():
    """An empty run, and runs without a case in common, end in a sentence and 4."""
    with pytest.raises(NothingToCompare, match="'b' holds no case") as caught:
        compare(BASE, side("b"), Policy())
    assert caught.value.exit_code == EXIT_INCONCLUSIVE
    with pytest.raises(NothingToCompare, match="no case of 'base' is in 'b'"):
        compare(BASE, side("b", records(OTHER, times(1))), Policy())


def test_a_measurement_is_not_compared_with_itself():
    """The same run twice is a mistake of the user's."""
    with pytest.raises(UsageError, match="both 'base'"):
        same_side(BASE, BASE)


def test_every_verdict_has_its_exit_code():
    """The table of verdicts uses 0, 3 and 4 only, gravest first."""
    codes = [one.exit_code for one in VERDICTS.values()]
    assert set(codes) == {EXIT_OK, EXIT_REGRESSION, EXIT_INCONCLUSIVE}
    assert codes == sorted(codes, key=[EXIT_REGRESSION, EXIT_INCONCLUSIVE, EXIT_OK].index)


def test_a_ratio_that_is_no_size_is_sorted_too():
    """Another tool's file may hold a figure below 0: its ratio has no logarithm, and nothing falls over it."""
    found = [Finding(case=str(ratio), verdict="changed", ratio=ratio) for ratio in (None, 0.0, -2.0, 3.0)]
    assert gravest_first(found)[0].case == "3.0"
