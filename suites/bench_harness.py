"""Harness: a step as reported against the same step in a bare loop, measured alternately; and the cost of a fresh process per case."""

from rnnbench import Suite, grid

SUITE = Suite(
    "harness",
    title="The harness against a bare loop",
    question="Can rnnbench's own figures be trusted, and what does isolation cost?",
    x="hidden_size",
    hue="variant",
    metric="beside_ratio",
    table=("beside_ratio", "step_time_s", "beside_time_s", "half_width_ratio"),
    cases=grid(
        variant=("lstm", "gru"),
        hidden_size=(16, 64, 256),
        phase=("forward", "train"),
        cpu={"batch_size": 8, "seq_len": 16},
        cuda={"batch_size": 64, "seq_len": 128, "hidden_size": (64, 512, 1024)},
        quick={"hidden_size": (16, 64), "input_size": 32, "batch_size": 4, "seq_len": 8},
        full={"hidden_size": (8, 16, 32, 64, 128, 256, 512)},
        quick_cuda={"hidden_size": (64, 256), "input_size": 256, "batch_size": 32, "seq_len": 32},
        full_cuda={"hidden_size": (16, 32, 64, 128, 256, 512, 1024)},
    )
    + grid(phase="isolation", depth=1, hidden_size=8, input_size=8, batch_size=1, seq_len=1),
)


def bare_loop(work):
    return "bare loop", work.step


def bench_harness(measure, case):
    if case.phase == "isolation":
        from rnnbench.runs.processes.isolation import Isolation  # imports torch, which listing suites does not need

        measure(case, make=Isolation)
    else:
        measure(case, beside=bare_loop)
