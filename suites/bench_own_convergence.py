"""Quality on own data: every network is trained for equally many steps, so that test errors can be compared."""

from rnnbench import Suite, grid

SUITE = Suite(
    "own_convergence",
    title="Quality on data of one's own",
    question="Which network predicts my data best after equally many training steps?",
    x="variant",
    hue="task",
    metric="test_quality",
    table=("test_quality", "training_s", "steps_to_target", "parameters"),
    baseline={"variant": "lstm"},
    cases=grid(
        phase="converge",
        task="text",
        variant=("lstm", "gru", "min_gru"),
        depth=1,
        hidden_size=64,
        input_size=32,
        seq_len=64,
        batch_size=32,
        max_steps=400,
        seed=(0, 1, 2, 3, 4),
        quick={"variant": ("lstm", "gru"), "seed": (0, 1, 2)},
        full={"seed": tuple(range(10)), "depth": (1, 2)},
    ),
)


def bench_own_convergence(measure, case):
    measure(case, whole=True)  # equal budgets: their qualities are compared
