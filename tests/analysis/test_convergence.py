"""What is said over seeds: censored medians, bands, the Pareto front, the gap that a student closed."""

from math import inf

import numpy as np
import pytest

from rnnbench.analysis.convergence import band, censored_median, gaps, trained, worth_it
from rnnbench.analysis.pairing import beyond_seeds
from tests.tools import record, run, small_case


@pytest.mark.parametrize(
    ("reached", "missed", "median"),
    [
        ([100, 200, 300], [], 200),
        ([100, 200], [1000], 200),
        ([100], [1000, 1000], inf),
        ([], [50, 50, 50], inf),
        ([100, 200], [], 150),
        ([100, 200, 300], [inf, inf], 300),
        ([200, 300, 400], [100], 300),  # censored before all: says nothing of the rest
    ],
)
def test_a_median_takes_misses_as_longer(reached, missed, median):
    """Medians by hand: a miss or a divergence stays in the count and is longer than it was given."""
    assert censored_median(reached, missed).value == median


def test_the_interval_of_few_seeds_is_their_range():
    """Six values cover 96.9 % from first to last; three cover 75 %, which is said."""
    six, three = censored_median([1, 2, 3, 4, 5, 6], []), censored_median([1, 2], [9])
    assert (six.low, six.high, six.coverage) == (1, 6, pytest.approx(0.96875))
    assert (three.low, three.high, three.coverage) == (1, inf, pytest.approx(0.75))
    assert (three.reached, three.tried) == (2, 3)


def learned(seed: int, status: str = "ok", **fields):
    metrics = fields.pop("metrics", {})
    curve = ((25, 1.0, 2.0, 0.5), (50, 2.0, 1.0, 0.9))
    return record(small_case(phase="converge", task="parity", seed=seed, **fields), status=status, metrics=metrics, curve=curve)


def test_seeds_are_one_group_and_divergence_is_never_reaching():
    """Two seeds reach the target and one diverges: a group of three, whose median is the later of the two."""
    given = [{"steps_to_target": 25.0}, {"steps_to_target": 50.0}, {}]
    records = [learned(seed, metrics=metrics) for seed, metrics in enumerate(given[:2])] + [learned(2, "diverged")]
    (group,) = trained(run(records=tuple(records)))
    found = group.to_target("steps_to_target", "training_steps")
    assert (found.value, found.reached, found.tried, group.diverged) == (50, 2, 3, 1)


def test_a_band_spans_the_seeds_and_forgets_none_that_ended():
    """At its end, the quicker training's last value still counts."""
    quick, slow = ((25, 1.0, 1.0, 0.9),), ((25, 1.0, 3.0, 0.1), (50, 2.0, 2.0, 0.2))
    found = band([quick, slow], "loss")
    assert (found.low[-1], found.middle[-1], found.high[-1], found.seeds) == (1.0, 1.5, 2.0, 2)
    assert band([], "loss") is None


def test_the_front_is_what_nothing_beats():
    """(1, 3), (2, 2) and (3, 1) are worth it; (3, 3) is not, and equals keep each other company."""
    assert worth_it([(1, 3), (2, 2), (3, 1), (3, 3), (1, 3)]) == [True, True, True, False, True]
    assert worth_it([(1, 1, 9), (2, 2, 1), (2, 2, 2)]) == [True, True, False]


def test_a_gap_is_closed_by_seed():
    """Teacher 0.1, student alone 0.3, taught 0.2: half of the way."""
    rows = [
        learned(seed, depth=depth, distilled=distilled, metrics={"test_error": error, "parameters": depth * 10.0})
        for seed in range(3)
        for depth, distilled, error in ((3, False, 0.1), (1, False, 0.3), (1, True, 0.2))
    ]
    (gap,) = gaps(trained(run(records=tuple(rows))))
    assert (gap.teacher, gap.alone.median("test_error"), gap.taught.median("test_error")) == (0.1, 0.3, 0.2)
    assert gap.closed.value == pytest.approx(0.5)


def test_students_are_tuned_alike_and_told_apart_by_how_they_are_taught():
    """Each kind keeps the learning rate with the least validation error, whatever its test error; the teacher is the seed that taught."""
    rows = [
        learned(0, depth=3, metrics={"test_error": 0.1, "parameters": 30.0}),
        learned(1, depth=3, metrics={"test_error": 0.3, "parameters": 30.0}),
    ]
    for how, errors in (({}, (0.5, 0.6)), ({"distilled": True}, (0.4, 0.2)), ({"distilled": True, "match_hidden": True}, (0.3, 0.2))):
        for lr, error, validation in zip((0.01, 0.1), errors, (0.3, 0.4), strict=True):
            metrics = {"test_error": error, "validation_error": validation, "parameters": 10.0}
            rows.append(learned(0, depth=1, lr=lr, metrics=metrics, **how))
    found = gaps(trained(run(records=tuple(rows))))
    assert [(one.how.split(",")[0], one.taught.axis("lr"), one.tried) for one in found] == [
        ("answers", 0.01, 2),
        ("answers and hidden states", 0.01, 2),
    ]
    assert [round(one.closed.value, 3) for one in found] == [0.25, 0.5]
    assert {one.teacher for one in found} == {0.1}


def test_equal_trainings_are_seldom_told_apart():
    """Of 400 pairs of equal groups at most 2 % get a verdict (1 % in either direction, and four standard errors)."""
    luck = np.random.default_rng(0)
    for seeds in (4, 5, 10):
        found = [beyond_seeds(list(a), list(b)) for a, b in luck.random((400, 2, seeds))]
        assert sum(map(abs, found)) / 400 <= 0.02 + 4 * (0.02 * 0.98 / 400) ** 0.5


def test_four_seeds_cannot_tell_and_five_can():
    """Fewer than five seeds a side are no verdict, as in `rnnbench compare`."""
    assert beyond_seeds([1, 2, 3, 4], [5, 6, 7, 8]) == 0
    assert (beyond_seeds([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), beyond_seeds([6, 7, 8, 9, 10], [1, 2, 3, 4, 5])) == (1, -1)


def test_divergence_is_the_largest_error():
    """Five seeds that learned against five that diverged are a verdict; diverging alike is none."""
    assert beyond_seeds([0.1, 0.2, 0.3, 0.4, 0.5], [inf] * 5) == 1
    assert beyond_seeds([inf] * 5, [inf] * 5) == 0
