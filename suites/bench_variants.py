"""Variants: every network at one size, each in its fastest form, measured alternately with a fused LSTM of the same hidden size."""

from rnnbench import Suite, grid
from rnnbench.measure import baseline


def sized(variant, phases):
    """A grid with two layers: with one, Griffin has no attention, dropout no effect and early exit no exit."""
    return grid(
        variant=variant,
        depth=2,
        precision=("fp32", "bf16"),
        cpu={"hidden_size": 256, "input_size": 256, "batch_size": 32, "seq_len": 128, "window": 32, "block_size": 8},
        cuda={
            "hidden_size": 1024,
            "input_size": 1024,
            "batch_size": 64,
            "seq_len": 512,
            "window": 64,
            "block_size": 16,
            "precision": ("fp32", "tf32", "bf16", "fp16"),
        },
        quick={"hidden_size": 32, "input_size": 32, "batch_size": 4, "seq_len": 16, "window": 4, "block_size": 2},
        full={"phase": phases, "seq_len": (128, 256, 512)},
        quick_cuda={"hidden_size": 128, "input_size": 128, "batch_size": 16},
    )


SUITE = Suite(
    "variants",
    title="Every variant at one size",
    question="What does each network cost compared with a fused LSTM of the same hidden size?",
    x="variant",
    hue="precision",
    metric="beside_ratio",
    table=("beside_ratio", "step_time_s", "half_width_ratio", "activation_bytes"),
    baseline={"variant": "lstm"},
    cases=sized(
        (
            *("lstm", "gru", "elman", "ln_lstm", "ln_lstm_gates", "res_lstm", "res_ln_lstm", "highway_lstm"),
            *("sru", "qrnn", "min_gru", "min_lstm", "rg_lru", "slstm", "mlstm"),
            *("transformer", "window_attention", "block_sparse", "strided_attention", "linear_attention", "griffin", "lstm_attention"),
            *("act_lstm", "early_exit_lstm", "student"),
            *("their_min_gru", "their_window_attention"),
        ),
        phases=("forward", "backward", "train"),
    )
    + sized("drop_lstm", phases=("backward", "train")),  # its forward phase has no dropout: it is lstm's
)


def bench_variants(measure, case):
    measure(case, beside=baseline.beside_lstm())
