"""AMP and convergence: whether lower precision reaches the same quality, and how fast."""

from rnnbench import Suite, grid

SIZES = (  # task, seq_len, input_size, hidden_size
    ("adding", 50, 2, 32),
    ("digits_rows", 8, 8, 64),
    ("vowels", 29, 12, 64),
    ("temperatures", 48, 4, 32),
)


def learned(task, seq_len, input_size, hidden_size):
    return grid(
        phase="converge",
        task=task,
        variant=("lstm", "gru"),
        precision=("fp32", "bf16", "fp16"),
        seed=(0, 1, 2, 3, 4),
        depth=1,
        seq_len=seq_len,
        input_size=input_size,
        hidden_size=hidden_size,
        batch_size=32,
        quick={"variant": "lstm", "precision": ("fp32", "bf16"), "seed": (0, 1, 2)},
        full={"seed": tuple(range(10))},
    )


SUITE = Suite(
    "amp_convergence",
    title="Learning in lower precision",
    question="Does AMP reach the same quality, and how much faster?",
    x="precision",
    hue="task",
    metric="time_to_target_s",
    table=("time_to_target_s", "steps_to_target", "test_quality"),
    baseline={"precision": "fp32"},
    cases=sum((learned(*row) for row in SIZES), ()),
)


def bench_amp_convergence(measure, case):
    measure(case, whole=True)  # equal budgets: their qualities are compared
