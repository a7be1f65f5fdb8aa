"""Length: how time and memory grow with the number of time steps."""

from rnnbench import Suite, grid

SUITE = Suite(
    "length",
    title="Cost against sequence length",
    question="What does a longer sequence cost?",
    x="seq_len",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "tokens_per_s", "activation_bytes", "peak_allocated_bytes"),
    baseline={"variant": "lstm"},
    cases=grid(
        variant=("elman", "lstm", "gru"),
        seq_len=(32, 64, 128, 256),
        phase=("forward", "train"),
        precision=("fp32", "bf16"),
        cpu={"hidden_size": 256, "batch_size": 8},
        cuda={"hidden_size": 1024, "batch_size": 64, "seq_len": (64, 256, 1024, 4096)},
        quick={"seq_len": (4, 8, 16), "hidden_size": 32, "input_size": 32, "batch_size": 4},
        full={"seq_len": (32, 64, 128, 256, 512, 1024), "phase": ("forward", "backward", "train")},
        quick_cuda={"seq_len": (8, 32, 64), "hidden_size": 256, "input_size": 256, "batch_size": 32},
        full_cuda={"seq_len": (32, 64, 128, 256, 512, 1024, 4096)},
    ),
)


def bench_length(measure, case):
    measure(case)
