"""Batch: how throughput grows with the number of sequences in a step."""

from rnnbench import Suite, grid

SUITE = Suite(
    "batch",
    title="Throughput against batch size",
    question="Which batch size is worth its memory?",
    x="batch_size",
    hue="variant",
    metric="tokens_per_s",
    table=("tokens_per_s", "step_time_s", "half_width_ratio", "activation_bytes", "peak_allocated_bytes"),
    baseline={"variant": "lstm"},
    cases=grid(
        variant=("elman", "lstm", "gru"),
        batch_size=(1, 4, 16, 64),
        phase=("forward", "train"),
        precision=("fp32", "bf16"),
        cpu={"hidden_size": 256, "seq_len": 32},
        cuda={"hidden_size": 1024, "seq_len": 256, "batch_size": (1, 16, 64, 256, 1024)},
        quick={"batch_size": (1, 4, 16), "hidden_size": 32, "input_size": 32, "seq_len": 16},
        full={"batch_size": (1, 2, 4, 8, 16, 32, 64, 128), "phase": ("forward", "backward", "train")},
        quick_cuda={"batch_size": (1, 8, 32), "hidden_size": 256, "input_size": 256, "seq_len": 32},
        full_cuda={"batch_size": (1, 4, 8, 16, 32, 64, 128, 256, 512, 1024)},
    ),
)


def bench_batch(measure, case):
    measure(case)
