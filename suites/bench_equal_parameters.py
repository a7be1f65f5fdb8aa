"""Equal parameters: every network with two layers, sized to the parameter count of an LSTM and measured alternately with it."""

from rnnbench import Suite, grid
from rnnbench.measure import baseline

LSTM = {"quick": 128, "cpu": 256, "cuda": 1024}
# fmt: off
HIDDEN = {  # made from the variants' formulas, within 1 % of the LSTM's weights: python docs/make_sizes.py
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
    "their_min_gru": (242, 480, 1928),
    "their_window_attention": (102, 204, 816),
    "act_lstm": (200, 400, 1600),
    "early_exit_lstm": (128, 256, 1024),
}
# fmt: on


def sized(variant, quick, cpu, cuda):
    inference = () if variant == "drop_lstm" else ("forward",)  # where dropout does nothing, and the network is lstm
    return grid(
        variant=variant,
        depth=2,
        precision=("fp32", "bf16"),
        cpu={"hidden_size": cpu, "input_size": LSTM["cpu"], "batch_size": 16, "seq_len": 64, "window": 16, "block_size": 4},
        cuda={"hidden_size": cuda, "input_size": LSTM["cuda"], "batch_size": 64, "seq_len": 512, "window": 64, "block_size": 16},
        quick={"hidden_size": quick, "input_size": LSTM["quick"], "batch_size": 2, "seq_len": 8, "window": 2, "block_size": 1},
        quick_cuda={"batch_size": 32},
        full={"phase": (*inference, "backward", "train")},
    )


SUITE = Suite(
    "equal_parameters",
    title="Every variant with as many weights",
    question="What does each network cost compared with a fused LSTM of as many weights?",
    x="variant",
    hue="precision",
    metric="beside_ratio",
    table=("beside_ratio", "step_time_s", "half_width_ratio", "parameters"),
    baseline={"variant": "lstm"},
    fixed=("depth", "hidden_size", "input_size", "bidirectional"),
    cases=sum((sized(variant, *sizes) for variant, sizes in HIDDEN.items()), ()),
)


def bench_equal_parameters(measure, case):
    measure(case, beside=baseline.beside_lstm(case.input_size))  # its hidden size is the input size
