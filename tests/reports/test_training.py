"""The first screen of a report on trainings: who learned best, who soonest, who diverged, and no word on step times."""

from dataclasses import replace

import pytest

from rnnbench.analysis.convergence import trained
from rnnbench.analysis.frames import Loaded
from rnnbench.reports.content import content
from rnnbench.reports.topics.training_tables import quality_table
from tests.tools import record, run, small_case

SUITE = {"name": "test", "title": "Learning", "question": "Who learns?", "x": "variant", "hue": "task"}


def learned(variant, seed, error, seconds, status="ok", task="parity", notes=(), **axes):
    metrics = {"test_error": error, "test_quality": 1 - error, "step_time_s": 0.01, "training_s": seconds, "training_steps": 100}
    reached = {"steps_to_target": 100, "time_to_target_s": seconds} if error < 0.2 else {}
    case = small_case(phase="converge", task=task, variant=variant, seed=seed, **axes)
    return record(
        case, status=status, times_s=(seconds,), notes=notes, metrics={**metrics, **reached, "answer_s": 1e-3, "parameter_bytes": 100.0}
    )


def findings(*records):
    whole = replace(run(suites=(SUITE,)), records=tuple(records))
    (section,) = content([Loaded(whole)]).sections
    return section, " ".join(one.text for one in section.findings)


def test_the_best_and_the_soonest_are_named():
    """The best test quality and the quickest to the target, each with its figure; nothing is said of step times."""
    good = [learned("lstm", seed, 0.05, 4.0 + seed) for seed in range(3)]
    quick = [learned("gru", seed, 0.1, 2.0 + seed) for seed in range(3)]
    section, said = findings(*good, *quick)
    assert said.startswith(
        "On parity, gru reaches the target first, in 100 steps and 3.00 s of training (median of 3 seeds; 3 of 3 reached it)"
    )
    assert "lstm has the best test quality on parity, 0.950" in said
    assert "not measured here" not in said
    assert section.main is not None
    assert not section.main.tables


@pytest.mark.parametrize(("seeds", "interval"), [(1, "one seed: no interval"), (3, "100 to 100, 75% CI over 3 seeds")])
def test_one_seed_has_no_interval(seeds, interval):
    """A single seed's own value on both sides would be an interval that covers nothing; what several cover is given with their number."""
    group = trained(replace(run(suites=(SUITE,)), records=tuple(learned("lstm", seed, 0.05, 4.0) for seed in range(seeds))))
    (row,) = quality_table("parity", group, noted=False).rows
    assert interval in [cell.aside for cell in row]


def test_seeds_that_overlap_are_no_verdict():
    """Where a seed of another is as good, it is said."""
    _, said = findings(
        *(learned("lstm", seed, 0.05 + 0.1 * seed, 4.0) for seed in range(3)), *(learned("gru", seed, 0.16, 4.0) for seed in range(3))
    )
    assert "within seed variation" in said


def test_divergence_is_counted():
    """Trainings that diverged are counted by kind."""
    _, said = findings(
        *(learned("lstm", seed, 0.05, 4.0) for seed in range(2)), *(learned("gru", s, 1.0, 4.0, status="diverged") for s in range(2))
    )
    assert "2 of 2 trainings of gru on parity diverged" in said


def test_an_answer_over_all_tasks():
    """Who is best and soonest on how many tasks, and what one changes against the other over all of them, come first."""
    rows = [(variant, seed, task) for variant in ("lstm", "gru") for seed in range(5) for task in ("parity", "copy", "adding")]
    plan = {("gru", "parity"): (0.01, 2.0), ("gru", "copy"): (0.02, 3.0)}
    section, _ = findings(
        *(learned(v, s, plan.get((v, t), (0.1, 4.0))[0] + 1e-3 * s, plan.get((v, t), (0.1, 4.0))[1], task=t) for v, s, t in rows)
    )
    tally, against = (one.text for one in section.findings[:2])
    assert tally.startswith("gru reaches the target first on 2 of 3 tasks, lstm on 1.")
    assert against.startswith("gru learns best on 2 of 3 tasks, lstm on 1; on 2 of them the lead exceeds seed variation")
    assert section.findings[2].text.startswith(
        "gru compared with lstm on 3 tasks: test quality is better on 2 and within seed variation on 1;"
        " steps to the target are within seed variation on 3"
    )
    assert "it reaches the target 1.33× sooner (median of 3; from 2.00× sooner to 1.00× later)" in section.findings[2].text


def test_students_are_told_by_their_gap():
    """A suite of distillation opens with the share of the gap that teaching closed."""
    student = {"depth": 1, "hidden_size": 4}
    teacher = [learned("lstm", seed, 0.02, 4.0, depth=3, hidden_size=8) for seed in range(3)]
    teacher = [replace(one, metrics={**one.metrics, "parameters": 900.0}) for one in teacher]
    alone = [learned("lstm", seed, 0.22, 4.0, **student) for seed in range(3)]
    taught = [learned("lstm", seed, 0.12, 4.0, distilled=True, **student) for seed in range(3)]
    section, said = findings(*teacher, *alone, *taught)
    assert section.findings[0].text.startswith("On parity, distillation closes 50% of the gap to the teacher")
    assert section.findings[0].evidence.endswith("-gaps")
    assert "alone" in said


@pytest.mark.parametrize(
    ("seeds", "said"), [(3, "no verdict, as 3 seeds are too few: 5 a side are the least"), (5, "test quality is worse on 2")]
)
def test_a_precision_hurts_only_by_the_seeds(seeds, said):
    """What bf16 does to quality has the verdict of `rnnbench compare`: none below five seeds."""
    suite = {**SUITE, "x": "precision"}
    rows = [(p, seed, task) for p in ("fp32", "bf16") for seed in range(seeds) for task in ("parity", "copy")]
    found = [learned("lstm", s, (0.01 if p == "fp32" else 0.05) + 1e-3 * s, 4.0, task=t, precision=p) for p, s, t in rows]
    whole = replace(run(suites=(suite,)), records=tuple(found))
    (section,) = content([Loaded(whole)]).sections
    assert f"bf16 compared with fp32 on 2 tasks: {said}" in " ".join(one.text for one in section.findings)


def test_the_page_says_what_was_tuned():
    """Without a tuning nothing was; with one, which settings were and which were not. Tuned rates are no obstacle to a comparison."""
    rates = {"lstm": 0.003, "gru": 0.01}
    rows = [(v, s, task) for v in rates for s in range(5) for task in ("parity", "copy")]
    _, plain = findings(*(learned(v, s, 0.1 if v == "lstm" else 0.01 + 1e-3 * s, 4.0, task=task) for v, s, task in rows))
    assert "Not tuned: every training has its task's own learning rate" in plain
    note = ("tuned: 12 trials, lr 0.01, cosine, no clipping",)
    found = [
        learned(
            v, s, 0.1 if v == "lstm" else 0.01 + 1e-3 * s, 4.0, task=task, **({"notes": note, "lr": rates[v]} if task == "copy" else {})
        )
        for v, s, task in rows
    ]
    _, said = findings(*found)
    assert "2 of 4 settings were tuned, with 12 trials each; not tuned: " in said
    assert "gru compared with lstm on 2 tasks: test quality is better on 2" in said
