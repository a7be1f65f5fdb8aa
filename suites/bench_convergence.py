"""Convergence: steps and seconds until a network reaches a task's target, and its final quality."""

from rnnbench import Suite, grid

SIZES = (  # task, seq_len, input_size, hidden_size
    ("adding", 50, 2, 32),
    ("copy", 20, 16, 64),
    ("parity", 40, 1, 32),
    ("digits_rows", 8, 8, 64),
    ("digits_pixels", 64, 1, 64),
    ("vowels", 29, 12, 64),
    ("temperatures", 48, 4, 32),
    ("text", 64, 32, 64),
    ("grammar", 24, 32, 64),
)

APPLICATIONS = (  # variant, task, seq_len, input_size, hidden_size, depth, bidirectional
    ("translation", "grammar", 24, 32, 64, 1, False),
    ("translation_attention", "grammar", 24, 32, 64, 1, False),
    ("speech", "vowels", 29, 12, 64, 2, True),
    ("lstm", "speakers", 64, 12, 64, 1, True),
    ("forecasting", "temperatures", 48, 4, 32, 2, False),
)
SEEDS = {"seed": (0, 1, 2, 3, 4), "full": {"seed": tuple(range(10))}}


def learned(task, seq_len, input_size, hidden_size):
    sizes = {"seq_len": seq_len, "input_size": input_size, "hidden_size": hidden_size, "batch_size": 32, "depth": 1}
    quick = {"variant": ("lstm", "gru"), "seed": (0, 1, 2)}
    return grid(phase="converge", task=task, variant=("elman", "lstm", "gru"), quick=quick, **SEEDS, **sizes)


def applied(variant, task, seq_len, input_size, hidden_size, depth, bidirectional):
    sizes = {"seq_len": seq_len, "input_size": input_size, "hidden_size": hidden_size, "batch_size": 32, "depth": depth}
    quick = {"seed": (0, 1, 2)}
    return grid(phase="converge", task=task, variant=variant, bidirectional=bidirectional, quick=quick, **SEEDS, **sizes)


SUITE = Suite(
    "convergence",
    title="Time to a target",
    question="Which network learns a task in the fewest steps, and in the least time?",
    x="variant",
    hue="task",
    metric="steps_to_target",
    table=("steps_to_target", "time_to_target_s", "test_quality"),
    baseline={"variant": "lstm"},
    cases=sum((learned(*row) for row in SIZES), ()) + sum((applied(*row) for row in APPLICATIONS), ()),
)


def bench_convergence(measure, case):
    measure(case)
