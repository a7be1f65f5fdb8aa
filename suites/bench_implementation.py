"""Implementation: the same network three ways, on equal weights, with equal outputs."""

from rnnbench import Suite, grid

SUITE = Suite(
    "implementation",
    title="Python loop, cell and fused kernel",
    question="What does a loop in Python cost against the fused kernel?",
    x="implementation",
    hue="variant",
    cases=grid(
        variant=("elman", "lstm", "gru"),
        implementation=("loop", "cell", "fused"),
        phase=("forward", "train"),
        seq_len=(16, 64),
        cpu={"hidden_size": 256, "batch_size": 16},
        cuda={"hidden_size": 512, "batch_size": 64, "seq_len": (64, 256)},
        quick={"seq_len": (4, 8), "hidden_size": 32, "input_size": 32, "batch_size": 4},
        full={"seq_len": (16, 64, 256), "precision": ("fp32", "bf16"), "bidirectional": (False, True)},
    ),
)


def bench_implementation(measure, case):
    measure(case)
