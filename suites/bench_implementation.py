"""Implementation: the same network in three implementations, with equal weights and equal outputs."""

from rnnbench import Suite, grid

SUITE = Suite(
    "implementation",
    title="Python loop, cell and fused kernel",
    question="How much slower is a Python loop than the fused kernel?",
    x="implementation",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "tokens_per_s", "operators"),
    baseline={"implementation": "fused"},
    cases=grid(
        variant=("elman", "lstm", "gru"),
        implementation=("loop", "cell", "fused"),
        phase=("forward", "train"),
        seq_len=(16, 64),
        cpu={"hidden_size": 256, "batch_size": 16},
        cuda={"hidden_size": 512, "batch_size": 64, "seq_len": (64, 256)},
        quick={"seq_len": (4, 8), "hidden_size": 32, "input_size": 32, "batch_size": 4},
        full={"seq_len": (16, 64, 256), "precision": ("fp32", "bf16"), "bidirectional": (False, True)},
        quick_cuda={"seq_len": (8, 16), "hidden_size": 128, "input_size": 128, "batch_size": 16},
    ),
)


def bench_implementation(measure, case):
    measure(case)
