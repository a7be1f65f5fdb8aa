"""Direction: what reading the sequence both ways costs."""

from rnnbench import Suite, grid

SUITE = Suite(
    "direction",
    title="One direction against two",
    question="What does a second direction cost?",
    x="bidirectional",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "tokens_per_s", "activation_bytes", "peak_allocated_bytes"),
    baseline={"bidirectional": False},
    cases=grid(
        variant=("elman", "lstm", "gru"),
        bidirectional=(False, True),
        depth=(1, 2, 4),
        phase=("forward", "train"),
        cpu={"hidden_size": 256, "batch_size": 16, "seq_len": 64},
        cuda={"hidden_size": 1024, "batch_size": 64, "seq_len": 256},
        quick={"depth": (1, 2), "hidden_size": 32, "input_size": 32, "batch_size": 4, "seq_len": 8},
        full={"depth": (1, 2, 4, 8), "precision": ("fp32", "bf16"), "phase": ("forward", "backward", "train")},
        quick_cuda={"hidden_size": 256, "input_size": 256, "batch_size": 32, "seq_len": 32},
    ),
)


def bench_direction(measure, case):
    measure(case)
