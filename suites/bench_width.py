"""Width: how time and memory grow with the hidden size."""

from rnnbench import Suite, grid

SUITE = Suite(
    "width",
    title="Cost against hidden size",
    question="What does a wider layer cost?",
    x="hidden_size",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "tokens_per_s", "activation_bytes", "peak_allocated_bytes"),
    baseline={"variant": "lstm"},
    cases=grid(
        variant=("elman", "lstm", "gru"),
        hidden_size=(64, 128, 256, 512),
        phase=("forward", "train"),
        precision=("fp32", "bf16"),
        cpu={"batch_size": 16, "seq_len": 64},
        cuda={"batch_size": 64, "seq_len": 256, "hidden_size": (256, 512, 1024, 2048)},
        quick={"hidden_size": (16, 32, 64), "input_size": 32, "batch_size": 4, "seq_len": 16},
        full={"hidden_size": (64, 128, 192, 256, 384, 512, 768, 1024), "phase": ("forward", "backward", "train")},
        quick_cuda={"hidden_size": (64, 128, 256), "input_size": 256, "batch_size": 32, "seq_len": 32},
        full_cuda={"hidden_size": (128, 256, 384, 512, 768, 1024, 1536, 2048)},
    ),
)


def bench_width(measure, case):
    measure(case)
