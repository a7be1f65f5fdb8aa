"""Adaptive depth: the depth that adaptive networks choose, and the time that it saves."""

from rnnbench import Suite, grid

SUITE = Suite(
    "adaptive",
    title="Adaptive depth",
    question="What does adaptive depth cost?",
    x="halt_at",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "mean_depth", "tokens_per_s"),
    baseline={"halt_at": 0.99},
    cases=grid(
        variant=("early_exit_lstm", "act_lstm"),
        phase=("forward", "train"),
        depth=8,
        halt_at=(0.3, 0.5, 0.6, 0.9, 0.99),
        cpu={"hidden_size": 128, "input_size": 128, "batch_size": 16, "seq_len": 32},
        cuda={"hidden_size": 512, "input_size": 512, "batch_size": 64, "seq_len": 128},
        quick={"halt_at": (0.5, 0.99), "depth": 3, "hidden_size": 16, "input_size": 16, "batch_size": 4, "seq_len": 8},
        full={"depth": (4, 8, 16)},
        quick_cuda={"hidden_size": 128, "input_size": 128, "batch_size": 16, "seq_len": 16},
    ),
)


def bench_adaptive(measure, case):
    measure(case)
