"""Depth and convergence: whether deeper networks still learn, plain and with residual connections or layer norm."""

from rnnbench import Suite, grid

SUITE = Suite(
    "depth_convergence",
    title="Learning against depth",
    question="Does a deeper network learn better, and what helps it learn?",
    x="depth",
    hue="variant",
    metric="test_quality",
    table=("test_quality", "steps_to_target", "time_to_target_s"),
    baseline={"variant": "lstm"},
    cases=grid(
        phase="converge",
        task="digits_rows",
        variant=("elman", "lstm", "gru", "res_lstm", "ln_lstm", "res_ln_lstm"),
        depth=(1, 2, 4, 8),
        seed=(0, 1, 2),
        max_steps=600,
        seq_len=8,
        input_size=32,
        hidden_size=32,
        batch_size=32,
        quick={"variant": ("lstm", "res_lstm"), "depth": (1, 4)},
        full={"depth": (1, 2, 4, 8, 12, 16), "seed": (0, 1, 2, 3, 4)},
    ),
)


def bench_depth_convergence(measure, case):
    measure(case, whole=True)  # equal budgets: their qualities are compared
