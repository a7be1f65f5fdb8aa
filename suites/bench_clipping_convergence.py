"""Clipping and convergence: at which depth and learning rate training diverges, and which clipping norm prevents it."""

from rnnbench import Suite, grid

SUITE = Suite(
    "clipping_convergence",
    title="Where training diverges",
    question="Does my network need gradient clipping, and at what norm?",
    x="lr",
    hue="clip_norm",
    metric="test_quality",
    table=("test_quality", "steps_to_target", "final_loss", "clipped_share"),
    baseline={"clip_norm": None},
    cases=grid(
        phase="converge",
        task="vowels",
        variant=("elman_relu", "elman", "lstm"),
        depth=(1, 2, 4),
        clip_norm=(None, 0.1, 1.0, 10.0),
        lr=(0.03, 0.1, 0.3),
        optimizer="sgd",
        schedule="constant",
        max_steps=200,
        seed=(0, 1, 2, 3, 4),
        seq_len=29,
        input_size=12,
        hidden_size=128,
        batch_size=32,
        quick={"variant": "elman_relu", "depth": 4, "seed": (0, 1, 2), "clip_norm": (None, 1.0), "lr": (0.03, 0.1)},
        full={"depth": (1, 2, 4, 8, 12), "lr": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)},
    ),
)


def bench_clipping_convergence(measure, case):
    measure(case, whole=True)  # equal budgets: their qualities are compared
