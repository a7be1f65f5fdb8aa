"""Execution: the same model run eagerly, compiled, and replayed from a CUDA graph."""

from rnnbench import Suite, grid

SUITE = Suite(
    "execution",
    title="Eager, torch.compile and CUDA graphs",
    question="What does compilation gain, and what does it cost?",
    x="execution",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "compile_s", "operators"),
    baseline={"execution": "eager"},
    cases=grid(
        variant=("lstm", "gru", "min_gru", "transformer"),
        execution=("eager", "compile", "compile_rnn"),
        implementation=("loop", "fused"),
        depth=1,
        cpu={"hidden_size": 256, "batch_size": 8, "seq_len": 32},
        cuda={
            "hidden_size": 512,
            "batch_size": 64,
            "execution": ("eager", "compile", "compile_rnn", "compile_reduce_overhead", "cudagraph"),
        },
        quick={"variant": ("lstm", "transformer"), "phase": "forward", "hidden_size": 16, "input_size": 16, "batch_size": 2, "seq_len": 4},
        full={"precision": ("fp32", "bf16"), "phase": ("forward", "train", "decode")},
        quick_cuda={"hidden_size": 128, "input_size": 128, "batch_size": 16, "seq_len": 16},
    ),
)


def bench_execution(measure, case):
    measure(case)
