"""Attention: dense, sparse and linear attention and recurrence over lengths, to see where they cross."""

from rnnbench import Suite, grid

SUITE = Suite(
    "attention",
    title="Attention and recurrence against sequence length",
    question="From which length on is recurrence, or sparse attention, cheaper than dense attention?",
    x="seq_len",
    hue="variant",
    families={
        "dense attention": ("transformer",),
        "recurrence": ("lstm", "min_gru"),
        "sparse attention": ("window_attention", "block_sparse", "strided_attention"),
        "linear attention": ("linear_attention",),
        "recurrence with window attention": ("griffin",),
    },
    cases=grid(
        variant=("lstm", "min_gru", "transformer", "window_attention", "block_sparse", "strided_attention", "linear_attention", "griffin"),
        depth=1,
        batch_size=1,
        seq_len=(256, 1024, 4096),
        cuda={"hidden_size": 512, "seq_len": (256, 1024, 4096, 16384, 65536)},
        quick={"seq_len": (8, 32), "hidden_size": 16, "input_size": 16, "window": 8},
        full={"seq_len": (128, 256, 512, 1024, 2048, 4096), "phase": ("forward", "train")},
    ),
)


def bench_attention(measure, case):
    measure(case)
