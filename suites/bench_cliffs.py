"""Cliffs: where a slightly larger size makes a library choose other kernels and changes the cost per FLOP."""

from rnnbench import Suite, grid

_VARIANTS = ("lstm", "gru")
_AROUND_512 = (480, 488, 496, 498, 500, 504, 508, 510, 511, 512, 513, 514, 516, 520, 526, 528, 536, 544)
_BATCHES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 17, 18, 20, 24, 28, 31, 32, 33, 36, 40)
_LENGTHS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 16, 17, 20, 24, 28)
_FEW = (1, 2, 3, 4)

SUITE = Suite(
    "cliffs",
    title="Cliffs in the cost of a FLOP",
    question="At which sizes does cost jump, or fall?",
    x="hidden_size",
    hue="variant",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "achieved_flops_per_s"),
    baseline={"variant": "lstm"},
    cases=grid(  # alignment to 8, 16, 32 and 64
        variant=_VARIANTS,
        phase="forward",
        depth=1,
        hidden_size=_AROUND_512,
        cuda={"hidden_size": tuple(range(992, 1057, 2)), "input_size": 1024},
        quick={"hidden_size": (24, 28, 30, 31, 32, 33, 34, 40), "input_size": 32, "variant": "lstm"},
        full={"hidden_size": tuple(range(480, 545)), "phase": ("forward", "train")},
        quick_cuda={"hidden_size": (248, 252, 254, 255, 256, 257, 258, 264), "input_size": 256},
    )
    + grid(  # small batches
        variant=_VARIANTS,
        phase="forward",
        depth=1,
        batch_size=_BATCHES,
        cuda={"hidden_size": 1024, "input_size": 1024},
        quick={"batch_size": _FEW, "hidden_size": 32, "input_size": 32, "variant": "lstm"},
        full={"batch_size": tuple(range(1, 73)), "phase": ("forward", "train")},
        quick_cuda={"hidden_size": 256, "input_size": 256},
    )
    + grid(  # short sequences: cuDNN's persistent kernels are for some lengths and batches only
        variant=_VARIANTS,
        phase="forward",
        depth=1,
        seq_len=_LENGTHS,
        cuda={"hidden_size": 1024, "input_size": 1024},
        quick={"seq_len": _FEW, "hidden_size": 32, "input_size": 32, "variant": "lstm"},
        full={"seq_len": tuple(range(1, 65)), "phase": ("forward", "train")},
        quick_cuda={"hidden_size": 256, "input_size": 256},
    ),
)


def bench_cliffs(measure, case):
    measure(case, name_kernels=True)
