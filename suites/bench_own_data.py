"""Own data: which network learns best from your own file, given with --data; without a file, from Python's reference pages."""

from rnnbench import Suite, grid

SUITE = Suite(
    "own_data",
    title="Learning from your own data",
    question="Which network learns my data best, and how fast?",
    x="variant",
    hue="task",
    metric="steps_to_target",
    table=("steps_to_target", "time_to_target_s", "test_quality"),
    baseline={"variant": "lstm"},
    cases=grid(
        phase="converge",
        task="text",
        variant=("lstm", "gru", "min_gru", "translation_attention"),
        depth=1,
        hidden_size=64,
        input_size=32,
        seq_len=64,
        batch_size=32,
        seed=(0, 1, 2, 3, 4),
        quick={"variant": ("lstm", "gru"), "seed": (0, 1, 2)},
        full={"seed": tuple(range(10)), "depth": (1, 2)},
    ),
)


def bench_own_data(measure, case):
    measure(case)
