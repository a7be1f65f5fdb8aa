"""Variants: every network at one size, each in its strongest form, in turn with the fused LSTM of the same hidden size."""

from rnnbench import Suite, grid
from rnnbench.measure import baseline

SUITE = Suite(
    "variants",
    title="Every variant at one size",
    question="What does each network cost beside a fused LSTM of the same hidden size?",
    x="variant",
    hue="precision",
    cases=grid(
        variant=(
            *("lstm", "gru", "elman", "ln_lstm", "ln_lstm_gates", "res_lstm", "res_ln_lstm", "highway_lstm", "drop_lstm"),
            *("sru", "qrnn", "min_gru", "min_lstm", "rg_lru", "slstm", "mlstm"),
            *("transformer", "window_attention", "block_sparse", "strided_attention", "linear_attention", "griffin", "lstm_attention"),
            *("act_lstm", "early_exit_lstm", "student"),
            *("their_min_gru", "their_window_attention"),
        ),
        depth=1,
        precision=("fp32", "bf16"),
        cpu={"hidden_size": 256, "input_size": 256, "batch_size": 32, "seq_len": 128},
        cuda={"hidden_size": 1024, "input_size": 1024, "batch_size": 64, "seq_len": 512, "precision": ("fp32", "tf32", "bf16", "fp16")},
        quick={"hidden_size": 32, "input_size": 32, "batch_size": 4, "seq_len": 16},
        full={"phase": ("forward", "backward", "train"), "seq_len": (128, 256, 512)},
    ),
)


def bench_variants(measure, case):
    measure(case, beside=baseline.beside_lstm())
