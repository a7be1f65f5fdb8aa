"""Decoding: the latency of one time step of a stream, its median and its tail."""

from rnnbench import Suite, grid

SUITE = Suite(
    "decode",
    title="One step of a stream",
    question="How long does one decoding step take, at the median and in the tail?",
    x="batch_size",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "p95_s", "p99_s", "state_bytes"),
    baseline={"variant": "lstm"},
    cases=grid(
        variant=(
            *("elman", "lstm", "gru", "res_lstm", "min_gru", "sru", "rg_lru"),
            *("linear_attention", "window_attention", "transformer", "griffin"),
        ),
        phase="decode",
        depth=3,
        batch_size=(1, 8, 32),
        seq_len=64,
        window=16,
        precision=("fp32", "bf16"),
        cuda={"hidden_size": 1024, "batch_size": (1, 8, 64)},
        quick={"hidden_size": 16, "input_size": 16, "seq_len": 8, "window": 4, "batch_size": (1, 4)},
        full={"batch_size": (1, 2, 4, 8, 16, 32, 64)},
        quick_cuda={"hidden_size": 128, "input_size": 128, "seq_len": 16, "batch_size": (1, 8)},
    ),
)


def bench_decode(measure, case):
    measure(case)
