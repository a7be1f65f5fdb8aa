"""Depth: how time and memory grow as layers are stacked."""

from rnnbench import Suite, grid

SUITE = Suite(
    "depth",
    title="Cost against depth",
    question="What does one more layer cost?",
    x="depth",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "tokens_per_s", "activation_bytes", "peak_allocated_bytes"),
    baseline={"variant": "lstm"},
    cases=grid(
        variant=("elman", "lstm", "gru"),
        depth=(1, 2, 4, 8),
        precision=("fp32", "bf16"),
        phase=("forward", "train"),
        cpu={"hidden_size": 256, "batch_size": 16, "seq_len": 64},
        cuda={
            "hidden_size": 1024,
            "batch_size": 64,
            "seq_len": 256,
            "depth": (1, 2, 4, 8, 16),
            "precision": ("fp32", "tf32", "bf16", "fp16"),
        },
        quick={"depth": (1, 2), "hidden_size": 32, "input_size": 32, "batch_size": 4, "seq_len": 16},
        full={"depth": (1, 2, 3, 4, 6, 8, 12, 16), "phase": ("forward", "backward", "train")},
        quick_cuda={"hidden_size": 256, "input_size": 256, "batch_size": 32, "seq_len": 32},
    ),
)


def bench_depth(measure, case):
    measure(case)
