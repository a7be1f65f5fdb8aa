"""Canary: one fixed case to measure in every run, so that a history can separate drift of the machine from changes of the code."""

from rnnbench import Suite, grid

SUITE = Suite(
    "canary",
    title="The canary",
    question="Is this machine as fast as it was?",
    x="hidden_size",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio"),
    cases=grid(
        variant="lstm",
        phase="train",
        depth=1,
        input_size=128,
        cpu={"hidden_size": 128, "batch_size": 16, "seq_len": 32},
        cuda={"hidden_size": 1024, "batch_size": 64, "seq_len": 128},
    ),
)


def bench_canary(measure, case):
    measure(case)
