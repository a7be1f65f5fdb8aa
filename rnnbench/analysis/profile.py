"""A profile summarised: time by kind, where the time goes, what bounds it, what to try."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnbench import units
from rnnbench.case import Case
from rnnbench.record import Record
from rnnbench.roofline import Ceilings, least_times_s, needs_of, placed

KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("optimizer", ("adam", "sgd", "optimizer")),
    ("recurrent kernel", ("rnn_layer", "cudnn_rnn", "aten::lstm", "aten::gru", "aten::rnn", "lstmbackward", "grubackward")),
    ("matrix product", ("mm", "linear", "matmul", "dot", "einsum", "gemm")),
    ("copy", ("copy", "clone", "contiguous", "cat", "stack", "to_copy", "aten::to", "reorder", "memcpy", "memset", "fill", "zero")),
)
"""An operator is of the first kind that a word of its name tells; else it is pointwise. What is no operator is Python's own time."""
KERNELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("communication", ("nccl",)),
    ("clipping", ("lpnorm",)),
    ("optimizer", ("adam", "sgd", "multi_tensor_apply")),
    ("attention", ("flash", "fmha", "attention", "mha_")),
    ("recurrent kernel", ("rnn", "lstm", "gru", "sru_")),
    ("matrix product", ("gemm", "gemv", "nvjet", "cutlass", "xmma", "splitk", "s16816", "s1688", "s884", "triton_tem", "dot_kernel")),
    ("copy", ("memcpy", "memset", "copy", "catarray", "fillfunctor", "transpose", "convert")),
    ("reduction", ("reduce", "triton_red", "triton_per", "softmax", "norm", "welford", "gammabeta")),
    ("pointwise", ("elementwise", "pointwise", "triton_poi", "vectorized")),
)
"""The same of a kernel, by the names that cuBLAS, cuDNN, PyTorch, Triton and NCCL give theirs; what none tells is another kernel."""
OTHER = "other kernels"
PYTHON = "Python and dispatch"
NEAR = 0.5  # of the ceiling: what is nearer has little left to gain at this precision
TRY = {
    "launch": "Fewer, larger operators: implementation=fused where the variant has it, or a larger batch_size at the same launches.",
    "memory": "Less to move for each FLOP: a larger batch_size uses each weight more often; bf16 halves what moves.",
    "compute": "It is near the ceiling: only a lower precision or fewer FLOPs (hidden_size, depth) will make it faster.",
}
FAR = (
    "The products are far below the ceiling, for each time step's product is small: raise batch_size, or take a variant whose products"
    " do not wait for the step before."
)


@dataclass(frozen=True, slots=True)
class Profile:
    """One case's profile, understood."""

    record: Record
    least_s: Mapping[str, float]
    kinds: Mapping[str, float]
    sentences: tuple[str, str, str]
    data: Mapping[str, Any]

    @property
    def causes(self) -> tuple[str, ...]:
        """What was seen to make the step slower than it need be; a profile of before has none."""
        return tuple(self.data.get("causes", ()))


def understood(data: Mapping[str, Any], ceilings: Ceilings | None) -> Profile:
    """From what the measuring process saw and the machine's ceilings."""
    case = Case.from_dict(data["case"])
    record = placed(Record(case=case, status="ok", metrics=data["metrics"]), ceilings)
    least = least_times_s(needs_of(record), case.precision, ceilings) if ceilings else {}
    kinds = by_kind(data)
    return Profile(record, least, kinds, (_where(data, kinds), _bound(record, least), _try(record)), data)


def by_kind(data: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of a profiled step by kind, most first: of kernels where a device ran them, else of operators by their own time."""
    found: dict[str, float] = {}
    kernels = data["kernels"]
    for row in kernels or data["operators"]:
        own = row["seconds"] if kernels else row["self_s"]
        name = kind_of_kernel(row["name"]) if kernels else kind_of(row["name"])
        found[name] = found.get(name, 0.0) + own
    if kernels:
        found["idle"] = max(0.0, data["profiled_step_s"] - sum(found.values()))
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def kind_of(name: str) -> str:
    """The kind of an operator, by its name."""
    return _first_kind(name, KINDS) or ("pointwise" if "::" in name else PYTHON)


def kind_of_kernel(name: str) -> str:
    """The kind of a device's kernel, by its name."""
    return _first_kind(name, KERNELS) or OTHER


def _first_kind(name: str, kinds: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    low = name.lower()
    return next((kind for kind, words in kinds if any(word in low for word in words)), "")


def _where(data: Mapping[str, Any], kinds: Mapping[str, float]) -> str:
    whole = sum(kinds.values()) or 1.0
    parts = [f"{seconds / whole:.0%} {kind}" for kind, seconds in list(kinds.items())[:4] if seconds / whole >= 0.01]
    rows = data["kernels"] or data["operators"]
    first = next((row for row in rows if "::" in row["name"] or data["kernels"]), None)
    longest = f"; the longest is {first['name']}, {first['calls']:g} times" if first else ""
    took = units.show("step_time_s", data["metrics"]["step_time_s"])
    silent = f" These are the host's operators: {why}." if (why := data.get("no_kernels")) else ""
    return f"A step takes {took}; under the profiler it goes to {', '.join(parts)}{longest}.{silent}"


def _bound(record: Record, least: Mapping[str, float]) -> str:
    if not record.bound:
        return f"Its bound is unknown: {record.absent.get('ceiling_share', 'the ceilings are not known')}."
    step_s = record.metrics["step_time_s"]
    words = {"compute": "its matrix products", "memory": "moving its bytes once", "launch": "handing over its operators"}
    told = [
        f"{words[name]} would take {units.show('step_time_s', least[name])} ({least[name] / step_s:.0%} of the step)"
        for name in sorted(least, key=lambda one: -least[one])
    ]
    return f"It is bound by {record.bound}: at this machine's ceilings {', '.join(told)}."


def _try(record: Record) -> str:
    if record.bound == "compute" and record.metrics["ceiling_share"] < NEAR:
        return FAR
    return TRY.get(record.bound, "Measure the machine's ceilings first: rnnbench doctor shows them.")
