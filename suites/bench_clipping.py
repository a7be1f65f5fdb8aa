"""Clipping: the cost of clipping the gradient norm; steps with and without clipping alternate in one process."""

from rnnbench import Suite, grid

SUITE = Suite(
    "clipping",
    title="Cost of gradient clipping",
    question="What does clipping cost?",
    x="depth",
    hue="variant",
    metric="clip_cost_s",
    table=("clip_cost_s", "beside_ratio", "step_time_s", "half_width_ratio"),
    baseline={"variant": "lstm"},
    cases=grid(
        variant=("elman", "lstm", "gru"),
        depth=(1, 2, 4),
        clip_norm=1.0,
        precision=("fp32", "bf16"),
        cpu={"hidden_size": 256, "batch_size": 8, "seq_len": 32},
        cuda={"hidden_size": 1024, "batch_size": 64, "seq_len": 256, "depth": (1, 2, 4, 8), "precision": ("fp32", "bf16", "fp16")},
        quick={"depth": (1, 2), "hidden_size": 32, "input_size": 32, "batch_size": 4, "seq_len": 8},
        full={"depth": (1, 2, 4, 8, 16), "clip_norm": (0.1, 1.0, 10.0)},
        quick_cuda={"hidden_size": 256, "input_size": 256, "batch_size": 32, "seq_len": 32},
    ),
)


def bench_clipping(measure, case):
    measure(case)
