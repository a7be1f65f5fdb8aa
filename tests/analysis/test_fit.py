"""Statistics against truths that were planted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.analysis import fit
from rnnbench.analysis.frames import by_case, frame
from tests.reports import factory

XS = np.array([1.0, 2.0, 4.0, 8.0, 16.0])


def test_median_interval_covers():
    """The interval holds the true median in at least 95 % of samples, whatever the noise looks like."""
    luck = np.random.default_rng(0)
    held = [fit.median_interval(luck.lognormal(0, 1, 25)) for _ in range(600)]
    assert sum(one.low <= 1 <= one.high for one in held) / len(held) > 0.93


def test_median_interval_is_order_statistics():
    """Of 1 to 10 the 95 % interval is the second and the ninth, with the coverage that the binomial gives."""
    found = fit.median_interval(range(1, 11))
    assert (found.low, found.high) == (2, 9)
    assert found.coverage == pytest.approx(1 - 2 * 11 / 1024)


@pytest.mark.parametrize(("count", "coverage"), [(2, 0.5), (3, 0.75), (5, 0.9375), (6, 0.96875)])
def test_few_values_give_their_range(count: int, coverage: float):
    """Up to six values give their range, and say what it is worth."""
    found = fit.median_interval(range(count))
    assert (found.low, found.high) == (0, count - 1)
    assert found.coverage == pytest.approx(coverage)


def test_one_value_has_no_interval():
    """A single value has no interval."""
    assert fit.median_interval([1.0]) is None


@given(st.lists(st.floats(1e-9, 1e3), min_size=2, max_size=80))
def test_median_interval_encloses_the_median(values: list[float]):
    """The interval always encloses the median of the sample, and depends on no order."""
    found = fit.median_interval(values)
    assert found.low <= np.median(values) <= found.high
    assert fit.median_interval(values[::-1]) == found


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("xs", [XS[:4], XS, np.arange(1.0, 11.0)])
@pytest.mark.parametrize("exponent", [0.1, 1.7])
def test_power_laws_that_are_quoted_cover(noise, xs, exponent):
    """Of the power laws that may be quoted, 95 % of the intervals hold the planted exponent (within four standard errors), whatever the
    noise; nine of ten straight ones may be quoted."""
    luck = np.random.default_rng(2)
    found = [fit.power(xs, 0.5 * xs**exponent * np.exp(luck.normal(0, noise, len(xs)))) for _ in range(600)]
    good = [one for one in found if one.good]
    assert len(good) > 0.85 * len(found)
    assert sum(one.low <= exponent <= one.high for one in good) / len(good) > 0.95 - 4 * np.sqrt(0.05 * 0.95 / len(good))
    assert np.mean([one.value for one in found]) == pytest.approx(exponent, abs=0.02)


@pytest.mark.parametrize("noise", [0.02, 0.1])
@pytest.mark.parametrize("xs", [XS[:4], XS, np.arange(1.0, 11.0)])
def test_lines_that_are_quoted_cover(noise, xs):
    """Of the lines with slope 3 that may be quoted, 95 % of the intervals hold it, within four standard errors."""
    luck = np.random.default_rng(1)
    found = [fit.line(xs, (2 + 3 * xs) * (1 + luck.normal(0, noise, len(xs)))) for _ in range(600)]
    good = [one for one in found if one.good]
    assert sum(one.low <= 3 <= one.high for one in good) / len(good) > 0.95 - 4 * np.sqrt(0.05 * 0.95 / len(good))
    assert np.mean([one.value for one in found]) == pytest.approx(3, rel=0.01)


def test_three_points_are_not_quoted():
    """Any three measured points lie near some power law; three exact figures may."""
    assert not fit.power([1, 2, 4], [1.0, 2.0, 4.1]).good
    assert fit.power([1, 2, 4], [1.0, 2.0, 4.0], exact=True).good


def test_an_exact_line_has_no_width():
    """Bytes that grow exactly give an exact slope."""
    found = fit.line([1, 2, 4, 8], [100, 168, 304, 576])
    assert found.value == pytest.approx(68)
    assert found.high - found.low == pytest.approx(0, abs=1e-9)
    assert found.good


def test_own_errors_widen_a_lucky_row():
    """Points in a row by luck keep at least the width that their own errors imply."""
    xs, ys = [1, 2, 3, 4], np.array([1.0, 2.0, 3.0, 4.0])
    assert fit.line(xs, ys, ys * 0.05).high - fit.line(xs, ys).high > 0.05


def test_a_bent_curve_is_not_quoted():
    """A square is no good line, and a line with a large offset no good power law."""
    assert not fit.line(XS, XS**2).good
    assert not fit.power(XS, 10 + XS**2).good


@pytest.mark.parametrize("make", [fit.line, fit.power])
def test_two_points_are_not_fitted(make):
    """Two points have no fit: nothing would be left to judge it by."""
    assert make([1, 2], [1, 2]) is None


def test_contrast_is_of_matched_pairs():
    """A ratio is of cases alike in all else: the planted 0.4 between bf16 and fp32 comes back, over every pair."""
    cases = by_case(
        frame(factory.run([factory.record(case) for case in factory.cases("depth", depth=(1, 2, 4), precision=("fp32", "bf16"))]))
    )
    found = fit.contrast(cases, "precision", "bf16", "fp32")
    assert found.pairs == 3
    assert found.low < 0.4 < found.high
    assert found.ratio == pytest.approx(0.4, rel=0.02)
    assert found.clear


def test_contrast_without_a_match_is_none():
    """Cases that differ in more than the axis are not compared."""
    cases = by_case(
        frame(
            factory.run(
                [
                    factory.record(factory.Case(suite="depth", depth=1)),
                    factory.record(factory.Case(suite="depth", depth=2, precision="bf16")),
                ]
            )
        )
    )
    assert fit.contrast(cases, "precision", "bf16", "fp32") is None


def test_contrast_of_noise_is_not_clear():
    """Two names for one speed, under heavy noise, are not told apart."""
    cases = by_case(
        frame(
            factory.run(
                [factory.record(case, noise=0.5, rounds=15) for case in factory.cases("depth", variant=("a", "b"), depth=(1, 2, 4))]
            )
        )
    )
    assert not fit.contrast(cases, "variant", "a", "b").clear


def test_in_order():
    """None comes first, numbers by size, names as the axis lists them."""
    assert fit.in_order("clip_norm", [1.0, None, 0.5]) == [None, 0.5, 1.0]
    assert fit.in_order("precision", ["bf16", "fp32"]) == ["fp32", "bf16"]
    assert fit.in_order("clip_norm", [math.nan, 2.0]) == [None, 2.0]


@pytest.mark.parametrize(("ours", "theirs"), [(2, 2), (3, 3), (2, 5), (5, 5), (30, 30)])
def test_a_quotient_covers_what_it_says(ours, theirs):
    """Of 3,000 ratios of equal medians, as many lie within the far ends of both intervals as is stated, within four standard errors."""
    luck = np.random.default_rng(6)
    stated, held = fit.quotient_coverage(ours, theirs), 0
    for _ in range(3000):
        one, other = (fit.median_interval(luck.lognormal(0, 0.1, count)) for count in (ours, theirs))
        held += one.low / other.high <= 1 <= one.high / other.low
    assert held / 3000 == pytest.approx(stated, abs=4 * np.sqrt(stated * (1 - stated) / 3000) + 1e-9)


@pytest.mark.parametrize(("processes", "level"), [(2, "67 % CI"), (3, "90 % CI"), (4, "95 % CI"), (1, "95 % CI")])
def test_a_contrast_states_its_level(processes, level):
    """Two or three processes a side cannot cover 95 %, and their interval says what it covers; rounds of one process can."""
    grid = factory.cases("depth", depth=(1,), precision=("fp32", "bf16"))
    records = [factory.record(case, process=process) for case in grid for process in range(processes)]
    assert fit.contrast(by_case(frame(factory.run(records))), "precision", "bf16", "fp32").level == level
