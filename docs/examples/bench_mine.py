"""Mine: the minimal gated unit beside an LSTM written the same way, and beside the fused LSTM that it has to beat."""

from rnnbench import Suite, grid

sizes = {
    "depth": (1, 2, 4),
    "phase": ("forward", "train"),
    "hidden_size": 128,
    "batch_size": 16,
    "seq_len": 32,
    "quick": {"depth": (1, 2), "hidden_size": 32, "input_size": 32, "batch_size": 4, "seq_len": 8},
}

SUITE = Suite(
    "mine",
    title="Minimal gated unit against LSTM",
    question="Is one gate cheaper than three?",
    x="depth",
    hue="variant",
    cases=grid(variant=("mgu", "lstm"), implementation="loop", **sizes) + grid(variant="lstm", implementation="fused", **sizes),
)


def bench_mine(measure, case):
    measure(case)
