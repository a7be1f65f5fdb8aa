"""Many cases decided together: the level holds with five processes a side, equivalence is corrected, stated sizes are shown."""

import numpy as np
import pytest

from rnnbench.gate.statistics.decide import JOINT, Hypothesis, decide
from rnnbench.gate.statistics.evidence import Sample
from rnnbench.gate.statistics.permutation import statistics, stepped_down
from rnnbench.gate.verdict import Finding

ALPHA = 0.01


def hypotheses(base, candidate, effect=0.02, drift=(0.0, 0.0)):
    """One a row of logarithms."""
    count = (base.shape[1], candidate.shape[1])
    rows = enumerate(zip(base, candidate, strict=True))
    return [
        Hypothesis(
            Finding(case=str(row), metric="step_time_s", verdict="inconclusive", min_effect=effect, processes=count),
            Sample(a, b, paired=False),
            drift,
        )
        for row, (a, b) in rows
    ]


def bimodal(luck, shape):
    """Processes on one of two levels, 6 % apart."""
    return luck.normal(0, 0.003, shape) + (luck.random(shape) < 0.5) * np.log(1.06)


@pytest.mark.parametrize(("cases", "repeats", "most"), [(48, 60, 4), (200, 100, 5)])
@pytest.mark.parametrize("shift", [0.0, 0.02])
def test_five_bimodal_processes_hold_the_level(cases, repeats, most, shift):
    """Comparisons of equal code, and of code at the edge of the minimum effect, fail in 1 % at most: no more here than 1 % may come
    to (99.9 %)."""
    luck = np.random.default_rng([1, cases])
    found = [decide(hypotheses(bimodal(luck, (cases, 5)), bimodal(luck, (cases, 5)) + np.log1p(shift)), ALPHA) for _ in range(repeats)]
    assert sum(any(one.failing for one in each) for each in found) <= most
    assert {one.test for each in found for one in each} == {JOINT}


def test_five_processes_still_show_a_large_change():
    """Of twenty comparisons with 10 % planted in one of 48 cases, processes 1 % apart, at least 18 fail, and for that case alone."""
    luck, caught = np.random.default_rng(2), 0
    for _ in range(20):
        base, candidate = luck.normal(0, 0.01, (2, 48, 5))
        candidate[0] += np.log(1.1)
        caught += [one.case for one in decide(hypotheses(base, candidate), ALPHA) if one.failing] == ["0"]
    assert caught >= 18


@pytest.mark.parametrize(("count", "cases", "repeats"), [(5, 20, 60), (10, 20, 60), (10, 1, 100)])
def test_what_is_said_to_be_shown_nine_times_of_ten_is(count, cases, repeats):
    """A change of the stated size, planted in one of so many cases, fails nine times of ten, within four standard errors."""
    luck, found = np.random.default_rng([3, count, cases]), 0
    for _ in range(repeats):
        stated = decide(hypotheses(*luck.normal(0, 0.015, (2, cases, count))), ALPHA)[0].detectable
        base, candidate = luck.normal(0, 0.015, (2, cases, count))
        candidate[0] += np.log1p(stated)
        found += decide(hypotheses(base, candidate), ALPHA)[0].failing
    assert found / repeats == pytest.approx(0.9, abs=4 * np.sqrt(0.9 * 0.1 / repeats))


def test_equivalence_is_corrected_for_many_cases():
    """Of 400 cases at the edge of the minimum effect none or next to none is called equivalent: the level is shared, not 1 % for each."""
    luck, wrong = np.random.default_rng(4), 0
    for _ in range(5):
        base, candidate = luck.normal(0, 0.01, (2, 400, 10))
        wrong += sum(one.verdict == "equivalent" for one in decide(hypotheses(base, candidate + np.log1p(0.02)), ALPHA))
    assert wrong <= 3  # 20 of 2,000 if each case had the level to itself


def test_more_cases_can_show_less():
    """The detectable change grows with the number of cases."""
    base, candidate = np.random.default_rng(5).normal(0, 0.01, (2, 200, 10))
    sizes = [decide(hypotheses(base[:cases], candidate[:cases]), ALPHA)[0].detectable for cases in (1, 20, 200)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]


def test_an_interval_of_drift_widens_every_claim():
    """A change that is certain without a canary is not where the canary's interval would explain it; its ratio lies in a wider interval."""
    base, candidate = np.random.default_rng(6).normal(0, 0.003, (2, 1, 10))
    (sharp,) = decide(hypotheses(base, candidate + np.log(1.05)), ALPHA)
    (open_,) = decide(hypotheses(base, candidate + np.log(1.05), drift=(-0.06, 0.06)), ALPHA, spent=ALPHA / 2)
    assert (sharp.failing, open_.failing, open_.verdict) == (True, False, "inconclusive")
    assert open_.low < sharp.low < sharp.high < open_.high
    assert open_.coverage == pytest.approx(1 - 2 * ALPHA, abs=0.005)


def test_the_first_labelling_is_the_true_one():
    """Statistics begin with the labels as they are; a shift of one side moves them as it should."""
    luck = np.random.default_rng(7)
    for paired in (False, True):
        sample = Sample(luck.normal(0, 1, 6), luck.normal(3, 1, 6), paired)
        found = statistics(sample, 1, 0.0, 0.0)
        difference = sample.candidate - sample.base
        error = difference.std(ddof=0) / np.sqrt(5) if paired else np.sqrt(sample.base.var(ddof=1) / 6 + sample.candidate.var(ddof=1) / 6)
        assert found[0] == pytest.approx(difference.mean() / error)
        assert found[0] == pytest.approx(-statistics(sample, -1, 0.0, 0.0)[0])


def test_unlike_counts_share_one_family():
    """Cases that lost processes are permuted by a sample of labellings, and a clear change among them still fails."""
    luck = np.random.default_rng(8)
    samples = [Sample(luck.normal(0, 0.01, 5 + row % 2), luck.normal(0.3 if row == 0 else 0, 0.01, 5), paired=False) for row in range(30)]
    p, needed = stepped_down(samples, [np.log1p(0.02)] * 30, 1, ALPHA)
    assert p[0] <= ALPHA < min(p[1:])
    assert np.isfinite(needed)
