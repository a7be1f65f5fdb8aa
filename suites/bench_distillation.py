"""Distillation: a small student alone, the same student taught by a deep teacher, and the teacher, at equal steps."""

from rnnbench import Suite, grid

TEACHER = {"variant": "lstm", "depth": 3, "hidden_size": 64, "lr": 0.01}


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
        "quick": {"seed": (0, 1, 2)},
        "full": {"seed": tuple(range(10))},
    }
    student = {"variant": "lstm", "depth": 1, "hidden_size": hidden_size}
    return grid(**TEACHER, **same) + grid(**student, distilled=(False, True), **same)


SUITE = Suite(
    "distillation",
    title="Students of a deep teacher",
    question="How much of a deep network's quality can a shallow one be taught?",
    x="depth",
    hue="distilled",
    cases=rows("digits_rows", 8, 8, 8, 800) + rows("vowels", 29, 12, 8, 600),
)


def bench_distillation(measure, case):
    measure(case, teacher=TEACHER, whole=True)
