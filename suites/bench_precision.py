"""Precision: the time and memory that autocast saves."""

from rnnbench import Suite, grid

SUITE = Suite(
    "precision",
    title="Time and memory under each precision",
    question="Is AMP faster here, and does it save memory?",
    x="precision",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "tokens_per_s", "activation_bytes", "peak_allocated_bytes"),
    baseline={"precision": "fp32"},
    cases=grid(
        variant=("elman", "lstm", "gru"),
        precision=("fp32", "tf32", "bf16", "fp16"),
        phase=("forward", "train"),
        hidden_size=(128, 512),
        cpu={"batch_size": 16, "seq_len": 32},
        cuda={"hidden_size": (512, 2048), "batch_size": 128, "seq_len": 256},
        quick={"hidden_size": 32, "input_size": 32, "batch_size": 4, "seq_len": 8},
        full={"hidden_size": (64, 128, 256, 512, 1024), "phase": ("forward", "backward", "train")},
        quick_cuda={"hidden_size": 256, "input_size": 256, "batch_size": 32, "seq_len": 32},
        full_cuda={"hidden_size": (128, 256, 512, 1024, 2048)},
    ),
)


def bench_precision(measure, case):
    measure(case)
