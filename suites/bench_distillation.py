"""Distillation: a small student trained alone, from a deep teacher's outputs, and from its hidden states too; and the teacher.

Each kind of student gets the same number of steps and the same learning rates, of which the validation split selects one."""

from rnnbench import Suite, grid

TEACHER = {"variant": "lstm", "depth": 3, "hidden_size": 64, "lr": 0.005}
HOW = (
    {"distilled": False},
    {"distilled": True, "temperature": 1.0},
    {"distilled": True, "temperature": 2.0, "teacher_share": 0.5, "match_hidden": True},
)


def rows(task, seq_len, input_size, hidden_size, max_steps):
    same = {
        "phase": "converge",
        "task": task,
        "seq_len": seq_len,
        "input_size": input_size,
        "batch_size": 32,
        "seed": (0, 1, 2, 3, 4),
        "max_steps": max_steps,
        "schedule": "cosine",
        "full": {"seed": tuple(range(10))},
    }
    quick = {"quick": {"seed": (0, 1, 2), "lr": 0.03}}
    student = {"variant": "lstm", "depth": 1, "hidden_size": hidden_size, "lr": (0.01, 0.03)}
    teachers = grid(**TEACHER, **same, quick={"seed": (0, 1, 2)})
    return sum((grid(**student, **how, **same, **quick) for how in HOW), teachers)


SUITE = Suite(
    "distillation",
    title="Students of a deep teacher",
    question="How much of a deep teacher's quality can a shallow student learn?",
    x="depth",
    hue="distilled",
    metric="test_quality",
    table=("test_quality", "steps_to_target", "answer_s", "parameters"),
    baseline={"distilled": False},
    cases=rows("digits_rows", 8, 8, 16, 2000) + rows("temperatures", 48, 4, 4, 800),
)


def bench_distillation(measure, case):
    measure(case, teacher=TEACHER, whole=True)
