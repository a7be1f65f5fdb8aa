"""Packing: sequences of unlike length, padded, packed, or sorted by length before they are padded."""

from rnnbench import Suite, grid

SIZES = {
    "phase": ("forward", "train"),
    "cpu": {"hidden_size": 256, "batch_size": 16, "seq_len": 128},
    "cuda": {"hidden_size": 512, "batch_size": 64, "seq_len": 256},
    "full": {"hidden_size": (128, 256), "phase": ("forward", "backward", "train")},
    "full_cuda": {"hidden_size": (256, 512, 1024)},
    "quick": {"seq_len": 24, "hidden_size": 32, "input_size": 32, "batch_size": 8, "phase": "train"},
    "quick_cuda": {"seq_len": 64, "hidden_size": 128, "input_size": 128, "batch_size": 32, "phase": "train"},
}
SUITE = Suite(
    "packing",
    title="Sequences of unlike length",
    question="What do variable lengths cost, and does packing or bucketing pay?",
    x="packing",
    hue="variant",
    metric="tokens_per_s",
    table=("tokens_per_s", "step_time_s", "half_width_ratio", "padding_share", "activation_bytes"),
    baseline={"packing": "padded", "lengths": "fixed"},
    cases=grid(variant=("lstm", "gru"), lengths=("uniform", "skewed", "fixed"), packing=("padded", "packed", "bucketed"), **SIZES)
    + grid(variant=("min_gru", "transformer"), lengths=("uniform", "skewed", "fixed"), packing=("padded", "bucketed"), **SIZES),
)


def bench_packing(measure, case):
    measure(case)
