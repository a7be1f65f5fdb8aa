"""Scaling: one model trained by several processes, each on its part of the batch, against training in a single process."""

from rnnbench import Suite, grid

SIZES = {
    "variant": "lstm",
    "depth": 4,
    "cpu": {"hidden_size": 256, "batch_size": 32, "seq_len": 32},
    "cuda": {"hidden_size": 1024, "input_size": 1024, "batch_size": 256, "seq_len": 128, "precision": ("fp32", "bf16")},
}
QUICK = {"depth": 2, "hidden_size": 64, "input_size": 64, "batch_size": 8, "seq_len": 16, "precision": "fp32"}
QUICK_CUDA = {"hidden_size": 256, "input_size": 256, "batch_size": 32}


def trained(quick=None, full=None, **axes):
    return grid(**SIZES, **axes, quick={**QUICK, **(quick or {})}, full=full, quick_cuda=QUICK_CUDA)


SUITE = Suite(
    "scaling",
    title="One model on several processes",
    question="How does training scale with processes, and what does communication cost?",
    x="processes",
    hue="scaling",
    metric="efficiency_share",
    table=("efficiency_share", "tokens_per_s", "step_time_s", "communication_share"),
    baseline={"processes": 1},
    cases=(
        *trained(processes=1, full={"depth": (2, 4, 8)}),
        *trained(processes=(2, 4, 8), scaling=("strong", "weak"), quick={"processes": 2}, full={"depth": (2, 4, 8)}),
        *trained(processes=2, bucket_mib=(1, 4), full={"bucket_mib": (1, 2, 4, 8, 16)}),
        *trained(processes=(1, 2), accumulation=4, full={"accumulation": (2, 4, 8)}),
    ),
)


def bench_scaling(measure, case):
    from rnnbench.measure.parallel.data_parallel import DataParallel  # imports torch, which listing suites does not need

    measure(case, make=DataParallel)
