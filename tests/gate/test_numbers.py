"""The numerical gate: a comparison whose sides compute other numbers says so first, and fails."""

from dataclasses import replace

import pytest

from rnnbench.gate.compare import compare
from rnnbench.gate.match import Match
from rnnbench.gate.numbers import same_numbers
from rnnbench.gate.policy import Policy
from rnnbench.gate.side import observed
from tests.gate.sides import CASE, records, side, times

WHERE = ("output_fingerprint", "loss_fingerprint", "gradient_fingerprint")


def compared(before, after, **changes):
    """Two sides of equal times, with these fingerprints."""
    sides = (side(name, records(CASE, times(seed), metrics=found)) for seed, (name, found) in enumerate((("a", before), ("b", after))))
    return compare(*sides, Policy(**changes))


@pytest.mark.parametrize("metric", WHERE)
def test_equal_bits_are_equivalent(metric):
    """The same fingerprint on both sides is one exact finding, equivalent."""
    found = compared({metric: 1.25}, {metric: 1.25})
    assert [one.verdict for one in found.findings if one.metric == metric] == ["equivalent"]


@pytest.mark.parametrize("metric", WHERE)
def test_other_numbers_fail_and_are_said_first(metric):
    """A fingerprint beyond its tolerance ends the comparison with 3, and its first note names the case."""
    found = compared({metric: 1.0}, {metric: 1.5})
    assert found.exit_code == 3
    assert found.notes[0] == f"{CASE} does not compute the same numbers on both sides: a speed-up there is none"
    (one,) = [one for one in found.findings if one.metric == metric]
    assert (one.verdict, one.failing, one.test) == ("regressed", True, "exact")
    assert "differ by 0.5 (tolerance" in one.reason


def test_another_order_of_additions_is_a_change_that_fails_nothing():
    """A difference within the tolerance is told as a change."""
    found = compared({"loss_fingerprint": 1.0}, {"loss_fingerprint": 1.0 + 1e-7})
    (one,) = [one for one in found.findings if one.metric == "loss_fingerprint"]
    assert (one.verdict, one.failing) == ("changed", False)
    assert not any("same numbers" in note for note in found.notes)


def test_a_fingerprint_on_one_side_alone_is_no_finding():
    """Where a side has none, for instance of an older version, nothing is said of it."""
    found = compared({}, {"loss_fingerprint": 1.0})
    assert not [one for one in found.findings if "fingerprint" in one.metric]


@pytest.mark.parametrize(("changes", "count"), [({"precision": "bf16"}, 1), ({"execution": "compile"}, 1), ({"hidden_size": 512}, 0)])
def test_only_ways_to_run_one_network_are_held_against_each_other(changes, count):
    """Sides apart in precision, implementation or execution compute one network; sides apart in its size do not."""
    before, after = observed(records(CASE, times(0))), observed(records(replace(CASE, **changes), times(1)))
    values = {"output_fingerprint": {0: 1.0}}
    match = Match(replace(before, values=values), replace(after, values={"output_fingerprint": {0: 2.0}}))
    assert len(list(same_numbers(match))) == count
