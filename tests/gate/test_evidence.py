"""The tests hold their level on equal code and see what they should, by seeded simulation; intervals agree with the tests."""

import numpy as np
import pytest
from scipy import stats

from rnnbench.analysis.ranks import critical, survival
from rnnbench.gate.statistics.evidence import Sample, benjamini_hochberg, holm, weigh
from rnnbench.gate.statistics.power import detectable

EFFECT, ALPHA = 0.02, 0.01


def burst(rng, shape, cv):
    """Every fifth process is slowed by a neighbour."""
    return rng.normal(0, cv, shape) + (rng.random(shape) < 0.2) * rng.exponential(0.15, shape)


def bimodal(rng, shape, cv):
    """Two memory layouts."""
    return rng.normal(0, 0.3 * cv, shape) + (rng.random(shape) < 0.5) * 2 * cv


def normal(rng, shape, cv):
    """As text books have it."""
    return rng.normal(0, cv, shape)


def flagged(noise, *, cv, count, effect, paired, repeats=60, seed=1):
    """Share of trials in which the candidate is called worse."""
    rng = np.random.default_rng(seed)
    a, b = np.exp(noise(rng, (repeats, count), cv)), (1 + effect) * np.exp(noise(rng, (repeats, count), cv))
    found = [weigh(Sample.of(one, other, paired=paired), EFFECT, ALPHA).p_above <= ALPHA for one, other in zip(a, b, strict=True)]
    return np.mean(found)


@pytest.mark.parametrize("noise", [normal, burst, bimodal])
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("count", [5, 10])
def test_equal_code_is_not_called_worse(noise, paired, count):
    """None of sixty trials of equal code is flagged, whatever the shape of the noise."""
    assert flagged(noise, cv=0.02, count=count, effect=0.0, paired=paired) == 0


@pytest.mark.parametrize("paired", [False, True])
def test_an_effect_of_the_minimum_is_seldom_called_worse(paired):
    """At the edge itself no more than the level is flagged, give or take the simulation's own chance (2 of 60)."""
    assert flagged(normal, cv=0.015, count=20, effect=EFFECT, paired=paired) <= 2 / 60


@pytest.mark.parametrize("paired", [False, True])
def test_five_per_cent_is_seen_by_twenty(paired):
    """A slowdown of 5 % is flagged in 95 % of trials with 20 processes a side that differ by 1.5 %."""
    assert flagged(normal, cv=0.015, count=20, effect=0.05, paired=paired) >= 0.95


@pytest.mark.parametrize("paired", [False, True])
def test_ten_per_cent_is_seen_by_ten(paired):
    """A slowdown of 10 % is flagged in 95 % of trials with 10 processes a side that differ by 2 %."""
    assert flagged(normal, cv=0.02, count=10, effect=0.10, paired=paired) >= 0.95


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("count", [5, 7, 10, 20])
def test_the_interval_is_what_the_tests_do_not_reject(paired, count):
    """The test rejects an effect just outside the interval's low end and none just inside it, where any effect can be rejected."""
    rng = np.random.default_rng(count)
    sample = Sample.of(np.exp(rng.normal(0, 0.02, count)), 1.1 * np.exp(rng.normal(0, 0.02, count)), paired=paired)
    found = weigh(sample, EFFECT, ALPHA)
    assert found.low < found.ratio < found.high
    if found.low > 1.001 and found.coverage >= 1 - 2 * ALPHA:
        assert weigh(sample, found.low - 1 - 1e-6, ALPHA).p_above <= ALPHA
    assert weigh(sample, found.low - 1 + 1e-6, ALPHA).p_above > ALPHA


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("count", [5, 8, 13])
def test_null_distributions_are_those_of_scipy(paired, count):
    """Where no figures are tied, the p-value of a sample is the one that scipy computes exactly."""
    rng = np.random.default_rng(count)
    for shift in (-0.3, 0.0, 0.5, 2.0):
        a, b = rng.normal(0, 1, count), rng.normal(shift, 1, count)
        ours = weigh(Sample(a, b, paired), 0.0, ALPHA).p_above
        theirs = (
            stats.wilcoxon(b - a, alternative="greater", method="exact")
            if paired
            else stats.mannwhitneyu(b, a, alternative="greater", method="exact")
        )
        assert ours == pytest.approx(float(theirs.pvalue))


def test_ties_count_against_the_claim():
    """Tied figures never give a smaller p-value than the exact distribution allows: five equal ones against five others are 1 in 252."""
    split = weigh(Sample.of([1.0] * 5, [1.5] * 5, paired=False), EFFECT, ALPHA)
    assert split.p_above == pytest.approx(1 / 252)
    assert weigh(Sample.of([1.0] * 5, [1.02] * 5, paired=False), EFFECT, ALPHA).p_above > 0.99


def test_a_level_that_few_processes_cannot_reach_is_stated():
    """Five pairs cover 93.75 % at most, and their interval says so; five processes a side cover more than the 98 % asked for."""
    pairs = weigh(Sample.of([1.0, 1.01, 1.02, 1.03, 1.04], [1.1, 1.12, 1.11, 1.13, 1.2], paired=True), EFFECT, ALPHA)
    assert pairs.coverage == pytest.approx(1 - 2 / 32)
    assert weigh(Sample.of([1, 1.01, 1.02, 1.03, 1.04], [1.1, 1.12, 1.11, 1.13, 1.2], paired=False), EFFECT, ALPHA).coverage > 0.98


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("noise", [normal, burst, bimodal])
@pytest.mark.parametrize("count", [5, 10, 20])
def test_intervals_cover_what_they_say(paired, noise, count):
    """Of 400 intervals around a shift of 10 %, as many hold it as their stated coverage, within four standard errors."""
    rng, held, stated = np.random.default_rng(3), 0, 0.0
    for _ in range(400):
        a, b = noise(rng, (2, count), 0.02)
        found = weigh(Sample(a, b + np.log(1.1), paired), EFFECT, 0.05)
        held, stated = held + (found.low <= 1.1 <= found.high), found.coverage
    assert held / 400 > stated - 4 * np.sqrt(stated * (1 - stated) / 400)


def test_a_critical_value_is_the_least_that_reaches_the_level():
    """Of five a side, 24 of 25 wins have a p-value of 2 in 252; a level below 1 in 252 has none."""
    tail = survival(False, 5, 5)
    assert (critical(tail, 0.01), critical(tail, 0.005), critical(tail, 0.003)) == (24, 25, None)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("count", [5, 10, 20])
@pytest.mark.parametrize(("candidate", "worse"), [(1.0, False), (1.5, True)])
def test_figures_without_spread_are_decided(paired, count, candidate, worse):
    """Where every process has the same figure, as peak memory often does, there is a verdict and no warning."""
    found = weigh(Sample.of([1.0] * count, [candidate] * count, paired=paired), EFFECT, ALPHA)
    least = float(survival(paired, count, count)[-1])
    assert (found.p_above == pytest.approx(least)) == worse
    assert (found.p_within == pytest.approx(least)) != worse
    assert (found.low, found.high) == pytest.approx((candidate, candidate))


def test_more_processes_see_less():
    """The smallest change that would be seen shrinks with the number of processes and stays above the minimum effect."""
    rng = np.random.default_rng(0)
    seen = [detectable(Sample(*rng.normal(0, 0.02, (2, count)), paired=False), EFFECT, ALPHA) for count in (5, 20, 80)]
    assert seen[0] > seen[1] > seen[2] > EFFECT


def test_detectable_is_what_is_seen_nine_times_of_ten():
    """A slowdown of the stated size is flagged in about 90 of 100 trials."""
    count, cv = 20, 0.02
    size = np.median(
        [detectable(Sample(*np.random.default_rng(s).normal(0, cv, (2, count)), paired=False), EFFECT, ALPHA) for s in range(20)]
    )
    assert 0.8 <= flagged(normal, cv=cv, count=count, effect=size, paired=False) <= 0.97


def test_corrections_are_those_of_the_text_book():
    """Holm's and Benjamini–Hochberg's worked example."""
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_hochberg(p) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert holm([]) == []
