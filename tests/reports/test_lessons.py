"""The first screen of a report on trainings: who learned best, who soonest, who diverged, and no word on step times."""

from dataclasses import replace

from rnnbench.analysis.store import Loaded
from rnnbench.reports.content import content
from tests.tools import record, run, small_case

SUITE = {"name": "test", "title": "Learning", "question": "Who learns?", "x": "variant", "hue": "task"}


def learned(variant, seed, error, seconds, status="ok"):
    metrics = {"test_error": error, "test_quality": 1 - error, "step_time_s": 0.01, "training_s": seconds, "training_steps": 100}
    reached = {"steps_to_target": 100, "time_to_target_s": seconds} if error < 0.2 else {}
    case = small_case(phase="converge", task="parity", variant=variant, seed=seed)
    return record(case, status=status, times_s=(seconds,), metrics={**metrics, **reached, "answer_s": 1e-3, "parameter_bytes": 100.0})


def findings(*records):
    whole = replace(run(suites=(SUITE,)), records=tuple(records))
    (section,) = content([Loaded(whole)]).sections
    return section, " ".join(one.text for one in section.findings)


def test_the_best_and_the_soonest_are_named():
    """The best test quality and the quickest to the target, each with its figure; nothing is said of step times."""
    good = [learned("lstm", seed, 0.05, 4.0 + seed) for seed in range(3)]
    quick = [learned("gru", seed, 0.1, 2.0 + seed) for seed in range(3)]
    section, said = findings(*good, *quick)
    assert "On parity, lstm has the best test quality" in said
    assert "3 reached the target" in said
    assert "gru reaches the target of parity soonest" in said
    assert "not measured here" not in said
    assert "overlap" not in said
    assert section.table is None


def test_seeds_that_overlap_are_no_verdict():
    """Where a seed of another is as good, it is said."""
    _, said = findings(
        *(learned("lstm", seed, 0.05 + 0.1 * seed, 4.0) for seed in range(3)), *(learned("gru", seed, 0.16, 4.0) for seed in range(3))
    )
    assert "overlap on parity" in said


def test_divergence_is_counted():
    """Trainings that diverged are counted by kind."""
    _, said = findings(
        *(learned("lstm", seed, 0.05, 4.0) for seed in range(2)), *(learned("gru", s, 1.0, 4.0, status="diverged") for s in range(2))
    )
    assert "2 of 2 trainings of gru on parity diverged" in said
