"""Trainings are compared over their seeds: steps to the target by a log-rank test, quality only at equal length."""

import math
from dataclasses import replace

import numpy as np
import pytest

from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_OK, EXIT_REGRESSION
from rnnbench.gate.baseline import baseline_text, read_baseline_file
from rnnbench.gate.compare import NothingToCompare, compare
from rnnbench.gate.formats import words
from rnnbench.gate.policy import Policy
from rnnbench.gate.settings_pairs import paired_by_setting
from tests.gate.sides import lost
from tests.gate.trainings import figures, training_side, trainings

QUICK = [300.0, 325, 350, 375, 400]
SLOW = [600.0, 650, 700, 750, 800]
GOOD = [0.010, 0.011, 0.012, 0.013, 0.014]
BAD = [0.030, 0.031, 0.032, 0.033, 0.034]


def compared(before, after, policy=None):
    return compare(training_side("a", *before), training_side("b", *after), policy or Policy())


def test_slower_convergence_is_a_regression():
    """Every seed needs twice the steps: exit status 3, with the median, the seeds that reached it, and no word on quality or step time."""
    whole = compared([trainings(QUICK)], [trainings(SLOW)])
    (one,) = figures(whole).values()
    assert whole.exit_code == EXIT_REGRESSION
    assert one.reason == "converges slower: median 350 → 700; 5 of 5 and 5 of 5 seeds reached the target"
    assert one.low <= 2.0 <= one.high
    assert {finding.metric for finding in whole.findings} == {"steps_to_target", "parameters", "target_quality"}
    assert "stopped at their target" in whole.notes[0]
    assert words.sizes(whole).startswith("Trainings: log-rank permutation over 5 seeds a side")


def test_faster_and_alike():
    """Half the steps is an improvement; the same steps for every seed are alike."""
    faster, same = (figures(compared([trainings(SLOW)], [trainings(steps)]))["steps_to_target"] for steps in (QUICK, SLOW))
    assert (faster.verdict, faster.reason.partition(":")[0]) == ("improved", "converges faster")
    assert (same.verdict, same.reason.partition(":")[0]) == ("equivalent", "converges alike")
    assert compared([trainings(SLOW)], [trainings(SLOW)]).exit_code == EXIT_OK


def test_many_seeds_show_that_trainings_are_alike():
    """Two hundred other seeds of the same spread are alike within 10 %."""
    luck = np.random.default_rng(0)
    before, after = (list(500 * np.exp(luck.normal(0, 0.2, 200))) for _ in range(2))
    assert figures(compared([trainings(before)], [trainings(after, first_seed=200)]))["steps_to_target"].verdict == "equivalent"


@pytest.mark.parametrize(("before", "after", "side"), [(3, 3, ""), (5, 3, " in the candidate"), (4, 9, " in the base")])
def test_fewer_than_five_seeds_are_no_verdict(before, after, side):
    """However large the difference, and never exit status 3."""
    whole = compared([trainings([300.0] * before)], [trainings([900.0 + n for n in range(after)])])
    one = figures(whole)["steps_to_target"]
    assert (one.verdict, one.reason) == ("inconclusive", f"too few seeds: {min(before, after)} of 5{side}")
    assert whole.exit_code == EXIT_INCONCLUSIVE


def test_missed_targets_are_censored_and_divergence_is_never():
    """Trainings that missed their target or diverged count as longer than all that reached it; where none of either side did, nothing can
    be said."""
    one = figures(compared([trainings(QUICK)], [trainings([None, None, math.inf, None, 900.0])]))["steps_to_target"]
    assert one.reason == "converges slower: median 350 → not reached; 5 of 5 and 1 of 5 seeds reached the target"
    none = figures(compared([trainings([None] * 5)], [trainings([None] * 5, first_seed=5)]))["steps_to_target"]
    assert (none.verdict, none.reason) == ("inconclusive", "no training of either side reached its target")


def test_trainings_are_compared_up_to_where_the_first_was_stopped():
    """Of a training that was stopped early nothing is known afterwards, so later steps of the others do not count."""
    stopped = [replace(one, metrics={**one.metrics, "training_steps": 500.0}) for one in trainings([None] * 5)]
    whole = compared([trainings(SLOW)], [stopped])
    assert figures(whole)["steps_to_target"].reason == "no training of either side reached its target"
    assert whole.exit_code == EXIT_INCONCLUSIVE


def test_quality_is_compared_at_equal_length():
    """Whole trainings of equal length have a verdict on quality too, with diverged ones as the worst."""
    whole = compared([trainings(QUICK, GOOD)], [trainings(QUICK, BAD)])
    assert figures(whole)["test_error"].reason == "reaches lower quality: median 0.012 → 0.032 over 5 and 5 seeds"
    assert (figures(whole)["steps_to_target"].verdict, whole.exit_code, whole.notes) == ("equivalent", EXIT_REGRESSION, ())
    diverged = figures(compared([trainings(QUICK, GOOD)], [trainings([math.inf] * 5, BAD)]))["test_error"]
    assert diverged.reason == "reaches lower quality: median 0.012 → diverged over 5 and 5 seeds; 0 and 5 diverged"


def test_other_seeds_and_other_settings_are_pooled():
    """Sides with no seed in common, and sides at two settings, are compared; of two settings worse is worse."""
    assert compared([trainings(QUICK)], [trainings(SLOW, first_seed=7)]).exit_code == EXIT_REGRESSION
    base, candidate = training_side("a", trainings(QUICK)), training_side("b", trainings(SLOW, first_seed=3, precision="bf16"))
    whole = compare(base, paired_by_setting(base, candidate), Policy())
    assert whole.design == {"precision": ("fp32", "bf16")}
    assert whole.exit_code == EXIT_REGRESSION


def test_a_failed_seed_is_broken_and_another_target_is_no_comparison():
    """A seed that crashes in the candidate fails it; steps to another target are not the same figure."""
    after = trainings(QUICK)
    crashed = lost(after[4].case)
    whole = compared([trainings(QUICK)], [[*after[:4], *crashed]])
    assert "broken" in whole.counts
    moved = [replace(one, metrics={**one.metrics, "target_quality": 0.9}) for one in after]
    assert figures(compared([trainings(QUICK)], [moved]))["steps_to_target"].reason == "the target differs: 0.99 and 0.9"


def test_nothing_in_common_is_refused():
    """Groups that share no setting cannot be compared."""
    with pytest.raises(NothingToCompare, match="no case of"):
        compared([trainings(QUICK)], [trainings(QUICK, depth=5, variant="gru")])


def test_equal_trainings_seldom_fail():
    """Of 300 comparisons of four equal groups at once, at most a binomial share of 1 % end with exit status 3."""
    luck, failed = np.random.default_rng(1), 0
    for _ in range(300):
        sides = [
            [trainings(list(np.ceil(np.exp(luck.normal(0, 0.4, 5)) * 20) * 25), variant=name) for name in ("lstm", "gru")] for _ in range(2)
        ]
        failed += compared(*sides, Policy(only="sampled")).exit_code == EXIT_REGRESSION
    assert failed <= 9


def test_a_baseline_keeps_what_trainings_are_compared_by(tmp_path):
    """A run of many seeds, saved as a baseline, is what later runs are held against."""
    path = tmp_path / "reference.json"
    path.write_text(baseline_text(training_side("a", trainings([*QUICK, 425, math.inf], [*GOOD, 0.02, 0.02]))))
    whole = compare(read_baseline_file(path), training_side("b", trainings([None] * 7, [0.1] * 7, first_seed=20)), Policy())
    assert {metric: one.reason.partition(":")[0] for metric, one in figures(whole).items()} == {
        "steps_to_target": "converges slower",
        "test_error": "reaches lower quality",
    }
