"""Equal parameters: every network of two layers, as wide as the weights of an LSTM allow, in turn with that LSTM."""

from rnnbench import Suite, grid
from rnnbench.measure import baseline

LSTM = {"quick": 128, "cpu": 256, "cuda": 1024}
HIDDEN = {  # on a CPU quickly, on a CPU, on CUDA: within 1 % of the LSTM's weights, by the variants' formulas, as a test holds
    "lstm": (128, 256, 1024),
    "gru": (150, 300, 1208),
    "elman": (276, 552, 2200),
    "ln_lstm": (128, 256, 1024),
    "ln_lstm_gates": (128, 256, 1024),
    "res_lstm": (128, 256, 1024),
    "res_ln_lstm": (128, 256, 1024),
    "highway_lstm": (116, 232, 928),
    "drop_lstm": (128, 256, 1024),
    "sru": (222, 444, 1776),
    "qrnn": (156, 308, 1240),
    "min_gru": (304, 608, 2432),
    "min_lstm": (240, 480, 1904),
    "rg_lru": (216, 432, 1736),
    "slstm": (129, 340, 1368),
    "mlstm": (200, 400, 1600),
    "transformer": (102, 204, 816),
    "window_attention": (102, 204, 816),
    "block_sparse": (102, 204, 816),
    "strided_attention": (102, 204, 816),
    "linear_attention": (102, 204, 816),
    "griffin": (100, 200, 800),
    "lstm_attention": (116, 232, 928),
    "their_min_gru": (242, 480, 1920),
    "their_window_attention": (102, 204, 816),
    "act_lstm": (200, 400, 1600),
    "early_exit_lstm": (128, 256, 1024),
}


def sized(variant, quick, cpu, cuda):
    return grid(
        variant=variant,
        depth=2,
        precision=("fp32", "bf16"),
        cpu={"hidden_size": cpu, "input_size": LSTM["cpu"], "batch_size": 16, "seq_len": 64},
        cuda={"hidden_size": cuda, "input_size": LSTM["cuda"], "batch_size": 64, "seq_len": 512},
        quick={"hidden_size": quick, "input_size": LSTM["quick"], "batch_size": 2, "seq_len": 4},
        full={"phase": ("forward", "backward", "train")},
    )


SUITE = Suite(
    "equal_parameters",
    title="Every variant with as many weights",
    question="What does each network cost beside a fused LSTM of as many weights?",
    x="variant",
    hue="precision",
    cases=sum((sized(variant, *sizes) for variant, sizes in HIDDEN.items()), ()),
)


def bench_equal_parameters(measure, case):
    measure(case, beside=baseline.beside_lstm(case.input_size))  # which is as wide as its input
