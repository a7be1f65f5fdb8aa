"""Synthetic runs for tests: step times from a formula with planted costs and noise. Nothing here was measured."""

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from statistics import median
from typing import Any

from rnnbench.case import Case
from rnnbench.record import Record, Run

SPEED = {"lstm": 1.0, "gru": 0.78, "elman": 0.31, "elman_relu": 0.3}
GAIN = {"fp32": 1.0, "tf32": 0.6, "bf16": 0.4, "fp16": 0.45}
SHARE = {"forward": 0.34, "backward": 0.66, "train": 1.04}
WAY = {"fused": 1.0, "cell": 2.3, "loop": 4.1}
ABOUT = {
    "depth": ("Cost against depth", "What does one more layer cost?", "depth", "variant"),
    "length": ("Cost against sequence length", "How do time and memory grow with the sequence?", "seq_len", "variant"),
    "width": ("Cost against width", "What does a wider layer cost?", "hidden_size", "variant"),
    "batch": ("Throughput against batch size", "Which batch size makes best use of the device?", "batch_size", "variant"),
    "precision": ("Precision", "What does each number format gain?", "precision", "variant"),
    "clipping": ("Gradient clipping", "What does clipping the gradient norm cost?", "clip_norm", "variant"),
    "direction": ("One way or both", "What does the second direction cost?", "bidirectional", "variant"),
    "implementation": ("Three ways to compute one LSTM", "What does the loop cost?", "implementation", "variant"),
    "harness": ("The harness against a bare loop", "Does the harness tell the truth?", "depth", "variant"),
}
MACHINE = {
    "hostname": "bench-01",
    "os": "Linux 6.1.0",
    "cpu": {"model": "Intel(R) Xeon(R) Platinum 8480C", "cores": 2, "governor": "performance", "mhz": 2000},
    "memory_bytes": 16 * 2**30,
    "container": {"cpu_limit": 2.0, "memory_limit_bytes": 8 * 2**30},
    "gpus": [],
    "python": "3.11.2",
    "packages": {"torch": "2.13.0", "pytest-benchmark": "5.3.1", "rnnbench": "0.1.0"},
    "torch": {"version": "2.13.0+cpu", "threads": 2, "interop_threads": 1, "cpu_capability": "AVX512", "mkldnn": True},
}


def layer_s(case: Case) -> float:
    """The planted cost of one layer."""
    size = case.batch_size * case.seq_len * case.hidden_size**2
    way = (2.05 if case.bidirectional else 1.0) * WAY[case.implementation]
    return 2.3e-10 * size * SPEED.get(case.variant, 0.9) * GAIN[case.precision] * SHARE[case.phase] * way


def step_s(case: Case) -> float:
    """The planted step time: layers, and a little beside them."""
    return layer_s(case) * (case.depth + 0.15) + (3e-4 if case.clip_norm else 0)


def record(
    case: Case, *, rounds: int = 40, noise: float = 0.015, process: int = 0, step: Callable[[Case], float] = step_s, **more: Any
) -> Record:
    """One measured case."""
    luck = random.Random(f"{case}{process}")
    truth = step(case)
    times = tuple(truth * (1 + abs(luck.gauss(0, noise)) + (luck.random() < 0.03) * 0.1) for _ in range(rounds))
    middle, train = median(times), case.phase == "train"
    gates = {"lstm": 4, "gru": 3}.get(case.variant, 1)
    parameters = case.depth * gates * (2 * case.hidden_size**2 + 2 * case.hidden_size) * (2 if case.bidirectional else 1)
    metrics: dict[str, float] = {
        "step_time_s": middle,
        "tokens_per_s": case.batch_size * case.seq_len / middle,
        "sequences_per_s": case.batch_size / middle,
        "parameters": parameters,
        "parameter_bytes": parameters * 4,
        "peak_rss_growth_bytes": parameters * 16 + 3e6,
        "rounds": rounds,
        "measured_s": sum(times),
        "half_width_ratio": 0.004,
        "warmup_rounds": 4,
        "warmup_s": 4 * middle,
    }
    if case.phase != "forward":
        metrics["gradient_bytes"] = parameters * 4
        metrics["activation_bytes"] = case.depth * case.batch_size * case.seq_len * case.hidden_size * 4 * (gates + 2)
    if train:
        shares = {"zero_grad_s": 0.01, "forward_s": 0.32, "loss_s": 0.01, "backward_s": 0.6, "optimizer_s": 0.06}
        metrics |= {name: share * middle for name, share in shares.items()} | {"optimizer_bytes": parameters * 8}
    absent = {"peak_allocated_bytes": "cpu has no such counter; see peak_rss_growth_bytes"}
    extra: dict[str, Any] = {}
    if case.clip_norm:
        beside = tuple(time - 3e-4 * (1 + luck.gauss(0, 0.3)) for time in times)
        extra = {"beside": "no clipping", "beside_times_s": beside}
        metrics |= {"clip_s": 3e-4, "clip_cost_s": median(a - b for a, b in zip(times, beside, strict=True))}
    if case.suite == "harness":
        extra = {"beside": "bare loop", "beside_times_s": tuple(time / (1.003 + luck.gauss(0, 0.004)) for time in times)}
    if extra:
        pairs = list(zip(times, extra["beside_times_s"], strict=True))
        metrics |= {"beside_time_s": median(b for _, b in pairs), "beside_ratio": median(a / b for a, b in pairs)}
    stamps = {"started_utc": "2026-03-01T14:02:11.000Z", "finished_utc": "2026-03-01T14:02:13.000Z"}
    whole = {
        "case": case,
        "status": "ok",
        "times_s": times,
        "metrics": metrics,
        "absent": absent,
        "process": process,
        "pid": 4242,
        **stamps,
    }
    return Record(**{**whole, **extra, **more})


def failed(case: Case, status: str, reason: str) -> Record:
    """One case that was not measured."""
    return Record(case=case, status=status, reason=reason, started_utc="2026-03-01T14:02:11.000Z", finished_utc="2026-03-01T14:02:12.000Z")


def cases(suite: str, **axes: Sequence[Any]) -> list[Case]:
    """A full grid."""
    return [Case(suite=suite, **dict(zip(axes, values, strict=True))) for values in product(*axes.values())]


def run(records: Sequence[Record], suites: Sequence[str] = (), **more: Any) -> Run:
    """A run around records."""
    names = list(dict.fromkeys([*suites, *(one.case.suite for one in records)]))
    about = tuple(
        dict(zip(("name", "title", "question", "x", "hue"), (name, *ABOUT.get(name, (name, "", "depth", "variant"))), strict=True))
        for name in names
    )
    whole: dict[str, Any] = {
        "id": f"20260301T140200Z-{names[0] if names else 'none'}-a1b2",
        "suites": about,
        "arguments": {
            "preset": "standard",
            "device": "cpu",
            "budget": {"max_time_s": 2.0, "precision": 0.01, "min_rounds": 5, "confidence": 0.95},
            "command": ["rnnbench", "run", "--suite", names[0] if names else "none"],
        },
        "machine": MACHINE,
        "commit": {"hash": "1014eb1c0ffee", "dirty": False, "branch": "main"},
        "started_utc": "2026-03-01T14:02:00.000Z",
        "finished_utc": "2026-03-01T14:04:31.000Z",
        "records": tuple(records),
    }
    return Run(**{**whole, **more})


def depth_run(**more: Any) -> Run:
    """A depth run as `rnnbench run --suite depth` plans it, with two cases that went wrong."""
    grid = cases("depth", variant=("elman", "lstm", "gru"), depth=(1, 2, 4, 8), precision=("fp32", "bf16"), phase=("forward", "train"),
                 hidden_size=(256,), batch_size=(16,), seq_len=(64,))  # fmt: skip
    lost: Mapping[int, tuple[str, str]] = {
        29: ("oom", "RuntimeError: [enforce fail at alloc_cpu.cpp:119] can't allocate memory: 3221225472 bytes")
    }
    note = "half-width ±1.9% after 2.0 s, wanted ±1.0%: use a quieter machine or raise --case-budget"
    return run(
        [failed(case, *lost[i]) if i in lost else record(case, notes=(note,) if i % 9 == 4 else ()) for i, case in enumerate(grid)], **more
    )
