"""Attention: dense, sparse and linear attention and recurrence over sequence length, to find where they cross."""

from rnnbench import Suite, grid

SUITE = Suite(
    "attention",
    title="Attention and recurrence against sequence length",
    question="At what sequence length does recurrence or sparse attention become cheaper than dense attention?",
    x="seq_len",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "tokens_per_s", "activation_bytes", "peak_allocated_bytes"),
    baseline={"variant": "transformer"},
    families={
        "dense attention": ("transformer",),
        "recurrence": ("lstm", "min_gru"),
        "sparse attention": ("window_attention", "block_sparse", "strided_attention"),
        "linear attention": ("linear_attention",),
        "recurrence with window attention": ("griffin",),
    },
    cases=grid(
        variant=("lstm", "min_gru", "transformer", "window_attention", "block_sparse", "strided_attention", "linear_attention", "griffin"),
        depth=2,  # Griffin's second block is the one that attends
        batch_size=1,
        window=128,
        block_size=32,  # eight blocks at the shortest length: with fewer, every block would be visible
        seq_len=(256, 1024, 4096),
        cuda={"hidden_size": 512, "seq_len": (256, 1024, 4096, 16384, 65536)},
        quick={"seq_len": (16, 32), "hidden_size": 16, "input_size": 16, "window": 4, "block_size": 2},
        full={"seq_len": (256, 512, 1024, 2048, 4096), "phase": ("forward", "train")},
        quick_cuda={"seq_len": (64, 256), "hidden_size": 128, "input_size": 128, "window": 16, "block_size": 8},
        full_cuda={"seq_len": (256, 512, 1024, 4096, 16384, 65536)},
    ),
)


def bench_attention(measure, case):
    measure(case)
