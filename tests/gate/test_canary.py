"""The canary that ran in both runs shows the machine's drift, and every change is judged at its less favourable end."""

from dataclasses import replace

import numpy as np
import pytest

from rnnbench.case import Case
from rnnbench.errors import EXIT_OK, EXIT_REGRESSION, UsageError
from rnnbench.gate.compare import compare
from rnnbench.gate.policy import Policy, policy_of
from tests.gate.sides import CASE, STEP, records, side, times, with_values
from tests.reports.factory import MACHINE

CANARY = Case(suite="canary", depth=1, hidden_size=128)
DRIFT = 1.08


def drifted(code: float = 1.0, canary: float = DRIFT, count: int = 10, **more):
    """A second run on a machine that is slower by now, of code that is `code` times as slow."""
    return side("b", records(CASE, times(1, count, factor=code * canary)), records(CANARY, times(2, count, factor=canary)), **more)


BASE = side("a", records(CASE, times(0)), records(CANARY, times(3)))


def verdicts(candidate, policy=None):
    """The whole, and what is said of the step time of each case."""
    whole = compare(BASE, candidate, policy or Policy())
    return whole, {one.case: one for one in whole.findings if one.metric == STEP}


def test_a_slower_machine_is_no_regression():
    """Where canary and case are slower alike, forty processes show the case equivalent, and the note states the machine's drift."""
    base = side("a", records(CASE, times(0, 40)), records(CANARY, times(3, 40)))
    whole = compare(base, drifted(count=40), Policy())
    assert {one.case: one.verdict for one in whole.findings if one.metric == STEP} == {str(CASE): "equivalent"}
    assert whole.exit_code == EXIT_OK
    assert any(note.startswith("machine drift, from canary/") and "+8" in note for note in whole.notes)


def test_an_unsteady_canary_never_fails_equal_code():
    """A canary whose processes are bimodal by 6 % beside quiet cases: at most 4 of 100 comparisons of equal code fail (level 1 %)."""
    cases, failed = [replace(CASE, depth=depth) for depth in range(1, 13)], 0
    for seed in range(100):
        luck = np.random.default_rng(seed)
        bimodal = 0.002 * np.exp(0.06 * (luck.random((2, 5)) < 0.5) + luck.normal(0, 0.003, (2, 5)))
        quiet = 0.01 * np.exp(luck.normal(0, 0.002, (2, len(cases), 5)))
        sides = [
            side(name, records(CANARY, list(bimodal[i])), *(records(case, list(quiet[i, at])) for at, case in enumerate(cases)))
            for i, name in enumerate("ab")
        ]
        failed += compare(*sides, Policy(only="sampled")).exit_code == EXIT_REGRESSION
    assert failed <= 4


def test_without_the_canary_it_would_be_one():
    """`canary = "none"` compares figures as they are, the canary's own among them."""
    whole, found = verdicts(drifted(), Policy(canary="none"))
    assert {one.verdict for one in found.values()} == {"regressed"}
    assert len(found) == 2
    assert whole.exit_code == EXIT_REGRESSION


def test_slower_code_is_seen_through_the_drift():
    """A regression that a faster machine would hide is found."""
    assert verdicts(drifted(code=1.15, canary=0.9))[1][str(CASE)].verdict == "regressed"


def test_rates_are_freed_the_other_way():
    """A slower machine's lower throughput is no regression."""
    fast = {process: 1000.0 + process for process in range(10)}
    slow = {process: value / DRIFT for process, value in fast.items()}
    base, candidate = with_values(BASE, str(CASE), "tokens_per_s", fast), with_values(drifted(), str(CASE), "tokens_per_s", slow)
    (one,) = [one for one in compare(base, candidate, Policy(metrics=("tokens_per_s",))).findings if one.metric == "tokens_per_s"]
    assert one.verdict != "regressed"
    alone = compare(base, candidate, Policy(metrics=("tokens_per_s",), canary="none"))
    assert "regressed" in {one.verdict for one in alone.findings if one.metric == "tokens_per_s"}


def test_another_torch_tells_nothing_of_the_machine():
    """The canary runs through torch too: where that differs, a common slowdown may be its own, and counts."""
    other = {**MACHINE, "packages": {**MACHINE["packages"], "torch": "2.14.0"}}
    whole, found = verdicts(drifted(machine=other))
    assert found[str(CASE)].verdict == "regressed"
    assert any("packages.torch differ" in note for note in whole.notes)


@pytest.mark.parametrize("candidate", [drifted(count=4), side("b", records(CASE, times(1, factor=DRIFT)))])
def test_too_little_of_a_canary_changes_nothing(candidate):
    """One that ran in four processes, or on one side only, says nothing."""
    whole, _ = verdicts(candidate)
    assert not any(note.startswith("machine drift, from") for note in whole.notes)


def test_a_pair_needs_no_canary():
    """The sides of a duet were measured in turn."""
    base, candidate = (replace(one, duet="d") for one in (BASE, drifted()))
    (one,) = [one for one in compare(base, candidate, Policy()).findings if (one.case, one.metric) == (str(CASE), STEP)]
    assert one.verdict == "regressed"


def test_the_settings_name_a_canary():
    """As a word; anything else is refused."""
    assert policy_of({"canary": "none"}).canary == "none"
    with pytest.raises(UsageError, match="canary"):
        policy_of({"canary": 3})
