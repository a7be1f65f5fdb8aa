"""Residual: the cost of residual connections and layer norm as layers are stacked."""

from rnnbench import Suite, grid

SUITE = Suite(
    "residual",
    title="Cost of residual connections and layer norm against depth",
    question="What do residual connections and layer norm add to the cost of a deep LSTM?",
    x="depth",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "tokens_per_s", "activation_bytes", "peak_allocated_bytes"),
    baseline={"variant": "lstm"},
    cases=grid(
        variant=("lstm", "res_lstm", "ln_lstm", "res_ln_lstm"),
        depth=(2, 4, 8, 16, 32),
        cpu={"hidden_size": 64, "input_size": 64, "batch_size": 16, "seq_len": 32},
        cuda={"hidden_size": 512, "input_size": 512, "batch_size": 64, "seq_len": 128},
        quick={"depth": (2, 4), "hidden_size": 32, "input_size": 32, "batch_size": 4, "seq_len": 8},
        full={"phase": ("forward", "backward", "train"), "precision": ("fp32", "bf16")},
        quick_cuda={"hidden_size": 128, "input_size": 128, "batch_size": 16, "seq_len": 16},
    ),
)


def bench_residual(measure, case):
    measure(case)
