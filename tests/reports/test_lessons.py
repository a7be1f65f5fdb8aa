"""The first screen of a report on trainings: who learned best, who soonest, who diverged, and no word on step times."""

from dataclasses import replace

from rnnbench.analysis.store import Loaded
from rnnbench.reports.content import content
from tests.tools import record, run, small_case

SUITE = {"name": "test", "title": "Learning", "question": "Who learns?", "x": "variant", "hue": "task"}


def learned(variant, seed, error, seconds, status="ok", task="parity", **axes):
    metrics = {"test_error": error, "test_quality": 1 - error, "step_time_s": 0.01, "training_s": seconds, "training_steps": 100}
    reached = {"steps_to_target": 100, "time_to_target_s": seconds} if error < 0.2 else {}
    case = small_case(phase="converge", task=task, variant=variant, seed=seed, **axes)
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
    assert "but seeds overlap" in said


def test_divergence_is_counted():
    """Trainings that diverged are counted by kind."""
    _, said = findings(
        *(learned("lstm", seed, 0.05, 4.0) for seed in range(2)), *(learned("gru", s, 1.0, 4.0, status="diverged") for s in range(2))
    )
    assert "2 of 2 trainings of gru on parity diverged" in said


def test_an_answer_over_all_tasks():
    """Who is best and soonest on how many tasks, and what one changes against the other over all of them, come first."""
    rows = [(variant, seed, task) for variant in ("lstm", "gru") for seed in range(3) for task in ("parity", "copy", "adding")]
    plan = {("gru", "parity"): (0.01, 2.0), ("gru", "copy"): (0.02, 3.0)}
    section, _ = findings(
        *(learned(v, s, plan.get((v, t), (0.1, 4.0))[0] + 1e-3 * s, plan.get((v, t), (0.1, 4.0))[1], task=t) for v, s, t in rows)
    )
    tally, against = (one.text for one in section.findings[:2])
    assert tally.startswith("gru learns best on 2 of 3 tasks, lstm on 1 (beyond the luck of seeds on 2 of all)")
    assert against.startswith("gru against lstm, 3 tasks: better on 2 and not to be told apart by its seeds on 1 in test quality")
    assert "it takes 0.75× the time to the target (0.5–1× over 3)" in against or "0.750×" in against


def test_students_are_told_by_their_gap():
    """A suite of distillation opens with the share of the gap that teaching closed."""
    student = {"depth": 1, "hidden_size": 4}
    teacher = [learned("lstm", seed, 0.02, 4.0, depth=3, hidden_size=8) for seed in range(3)]
    teacher = [replace(one, metrics={**one.metrics, "parameters": 900.0}) for one in teacher]
    alone = [learned("lstm", seed, 0.22, 4.0, **student) for seed in range(3)]
    taught = [learned("lstm", seed, 0.12, 4.0, distilled=True, **student) for seed in range(3)]
    section, said = findings(*teacher, *alone, *taught)
    assert section.findings[0].text.startswith("On parity, teaching closes 50% of the gap to the teacher")
    assert section.findings[0].evidence.endswith("-gaps")
    assert "alone" in said
