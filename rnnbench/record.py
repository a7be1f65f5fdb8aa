"""What was measured: Record, Run and the table of metrics. The two wings, measure and report, meet only here."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

from rnnbench.case import Case
from rnnbench.errors import RnnbenchError
from rnnbench.units import unit_of

# History of the file format (run.json and records.jsonl):
# 1  first form
SCHEMA = 1

STATUSES: dict[str, str] = {
    "ok": "measured",
    "oom": "ran out of memory, on the device or the host",
    "timeout": "exceeded its time limit and was killed",
    "crashed": "its process died: a signal, an abort or an exit",
    "unsupported": "this device, precision or variant cannot do it",
    "diverged": "the loss or the outputs became NaN or infinite",
    "failed": "raised an error",
    "lost": "its machine was lost, and so was the one that retried it",
}

Better = Literal["lower", "higher"]
Point = tuple[int, float, float, float]
"""A point of a learning curve: training steps, seconds of training, mean loss since the previous point, quality on the validation
split."""


Interval = Literal["", "step_time", "difference", "beside_ratio"]


class Trial(NamedTuple):
    """One case in one process slot: what a process is given to measure. Each trial gets one record."""

    case: Case
    process: int

    @property
    def key(self) -> tuple[str, int]:
        """Unique within a run. The trial's record has the same key."""
        return str(self.case), self.process


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a record. `better` is None if neither direction is better.

    `interval` names the columns `…_low` and `…_high` of `analysis.frames.frame` that hold its confidence interval; a rate (`…_per_s`)
    uses the interval of the step time that it divides by. Empty means no interval. `reference` is the level of no effect: 1 for a
    ratio, 0 for a cost.
    """

    name: str
    label: str
    better: Better | None
    deterministic: bool
    about: str
    interval: Interval = ""
    reference: float | None = None

    @property
    def unit(self) -> str:
        """The unit from the suffix of the name; empty for a count."""
        return unit_of(self.name)


_ROWS: tuple[tuple[str, str, Better | None, bool, str], ...] = (
    ("step_time_s", "step time", "lower", False, "median of the timed rounds"),
    ("step_time_at_10_s", "step time at 10 %", "lower", False, "median decoding step after 10 % of the stream"),
    (
        "step_time_at_50_s",
        "step time at 50 %",
        "lower",
        False,
        "median decoding step in the middle of the stream",
    ),
    ("step_time_at_100_s", "step time at 100 %", "lower", False, "median decoding step at the end of the stream"),
    ("p95_s", "step time, 95 %", "lower", False, "95th percentile of the decoding steps"),
    ("p99_s", "step time, 99 %", "lower", False, "99th percentile of the decoding steps"),
    ("tokens_per_s", "throughput", "higher", False, "batch_size × seq_len ÷ median step time; all processes together"),
    ("sequences_per_s", "sequence throughput", "higher", False, "batch_size ÷ median step time"),
    ("padding_share", "padding", None, True, "share of a batch's positions that hold no token; mean over the batches"),
    ("parameters", "parameters", "lower", True, "number of weights of the model, including frozen and packed ones"),
    ("parameter_bytes", "parameter memory", "lower", True, "storage of the weights, including frozen and packed ones"),
    ("gradient_bytes", "gradient memory", "lower", True, "storage of the gradients after a backward pass"),
    ("optimizer_bytes", "optimizer memory", "lower", True, "storage of the optimizer's state after a step"),
    (
        "activation_bytes",
        "activation memory",
        "lower",
        True,
        "bytes that autograd keeps for the backward pass, each storage once",
    ),
    ("state_bytes", "state memory", "lower", True, "bytes that decoding keeps between steps, all sequences"),
    ("mean_depth", "mean depth", "lower", False, "mean number of layers or pondering steps that adaptive depth took"),
    ("ponder_cost", "ponder cost", "lower", False, "penalty that adaptive depth adds to the loss"),
    ("output_distance", "distance of the outputs", None, False, "‖outputs − reference form's‖ ÷ ‖reference form's‖, same seed and batch"),
    ("loss_distance", "distance of the loss", None, False, "|loss − reference form's| ÷ reference form's, same seed and batch"),
    ("gradient_distance", "distance of the gradients", None, False, "‖gradients − reference form's‖ ÷ ‖reference form's‖"),
    (
        "output_fingerprint",
        "fingerprint of the outputs",
        None,
        True,
        "norm of the outputs for one seed and batch, if two passes give the same bits",
    ),
    ("loss_fingerprint", "fingerprint of the loss", None, True, "loss for one seed and batch, if two passes give the same bits"),
    (
        "gradient_fingerprint",
        "fingerprint of the gradients",
        None,
        True,
        "norm of all gradients for one seed and batch, on the same condition",
    ),
    (
        "compile_s",
        "compile time",
        "lower",
        False,
        "first call of the compiled step minus a steady one; shorter with a warm cache",
    ),
    ("graphs", "compiled graphs", None, True, "graphs that torch.compile made of the model; a case without any is unsupported"),
    ("graph_breaks", "graph breaks", "lower", True, "places at which torch.compile returned to Python; the first reason is in the notes"),
    ("operators", "operators", "lower", True, "operators that one step dispatches below autograd; a fused kernel counts as one"),
    ("kernel_launches", "kernel launches", "lower", True, "kernels, copies and fills per step on the device, counted by its profiler"),
    (
        "step_flops",
        "FLOPs",
        "lower",
        True,
        "FLOPs of the matrix products of a step, by formula, without the gradient of the network's input",
    ),
    ("moved_bytes", "bytes moved at least", "lower", True, "lower bound: every array once per pass that uses it, as with perfect caches"),
    ("intensity_flops_per_byte", "arithmetic intensity", None, True, "FLOPs ÷ bytes moved at least"),
    ("achieved_flops_per_s", "FLOP rate", "higher", False, "FLOPs of the step ÷ its median time"),
    ("ceiling_share", "share of the ceiling", "higher", False, "shortest possible time by matrix products and copies ÷ median step time"),
    ("launch_share", "launch share", None, False, "operators × dispatch time per operator ÷ median step time"),
    ("peak_allocated_bytes", "peak allocated", "lower", False, "peak device memory of tensors in a step, after warm-up"),
    ("peak_reserved_bytes", "peak reserved", "lower", False, "peak device memory of the allocator in a step, after warm-up"),
    ("graph_pool_bytes", "graph pool", "lower", False, "device memory kept for the replays of CUDA graphs, including activations"),
    (
        "workspace_bytes",
        "workspace",
        "lower",
        False,
        "peak allocated minus everything counted above: library workspaces (cuDNN's) and temporaries",
    ),
    (
        "peak_rss_growth_bytes",
        "peak resident growth",
        "lower",
        False,
        "peak resident memory of a step minus that before the model",
    ),
    ("zero_grad_s", "zero_grad time", "lower", False, "median; clearing the gradients"),
    ("forward_s", "forward time", "lower", False, "median; forward pass within the train step"),
    ("loss_s", "loss time", "lower", False, "median; loss within the train step"),
    ("backward_s", "backward time", "lower", False, "median; backward pass within the train step"),
    ("unscale_s", "unscale time", "lower", False, "median; dividing the gradients by the loss scale (fp16)"),
    ("clip_s", "clip time", "lower", False, "median; clipping the gradient norm"),
    ("optimizer_s", "optimizer time", "lower", False, "median; the optimizer's step"),
    ("beside_time_s", "reference step time", "lower", False, "median step of the reference, which is measured alternately with the case"),
    ("beside_ratio", "ratio to reference", "lower", False, "median over rounds of step ÷ reference step"),
    ("clip_cost_s", "cost of clipping", "lower", False, "median over rounds of step with clipping − step without"),
    ("communication_s", "communication", "lower", False, "median over rounds of step − step without communication"),
    (
        "communication_share",
        "share of communication",
        "lower",
        False,
        "median over rounds of communication ÷ step",
    ),
    ("threads", "threads", None, True, "CPU threads per training process"),
    ("steps_to_target", "steps to target", "lower", False, "training steps until validation quality reached the target"),
    ("time_to_target_s", "time to target", "lower", False, "training time to the target, without evaluation"),
    ("energy_to_target_j", "energy to target", "lower", False, "mean power while training × time to target"),
    ("training_energy_j", "training energy", None, False, "mean power while training × training time"),
    ("training_steps", "training steps", None, False, "number of training steps"),
    ("training_s", "training time", None, False, "training time, without evaluation"),
    ("test_quality", "test quality", None, False, "quality on the test split of the weights that were best on the validation split"),
    ("test_error", "test error", "lower", False, "1 − test quality if it is a share, otherwise the test quality itself"),
    ("best_quality", "best quality", None, False, "best quality on the validation split"),
    ("validation_error", "validation error", "lower", False, "1 − best quality if it is a share, otherwise the best quality itself"),
    ("final_quality", "final quality", None, False, "last quality on the validation split"),
    ("target_quality", "target", None, True, "the task's target quality"),
    ("teacher_quality", "teacher's quality", None, False, "quality on the validation split of the network that taught"),
    ("trivial_quality", "trivial predictor", None, True, "test quality without a network"),
    ("final_loss", "final loss", "lower", False, "mean training loss between the last two evaluations"),
    ("gradient_norm_p10", "gradient norm, 10 %", None, False, "10th percentile of gradient norms before clipping"),
    ("gradient_norm_p50", "gradient norm, median", None, False, "median gradient norm before clipping"),
    ("gradient_norm_p90", "gradient norm, 90 %", None, False, "90th percentile of gradient norms before clipping"),
    ("gradient_norm_max", "gradient norm, largest", None, False, "largest gradient norm before clipping"),
    ("clipped_share", "clipped steps", None, False, "share of steps whose gradient was clipped"),
    ("skipped_steps", "skipped steps", "lower", False, "optimizer steps that the loss scaler skipped because of NaN or infinite gradients"),
    ("loss_scale", "loss scale", None, False, "last factor by which the loss was scaled (fp16)"),
    ("answer_s", "answer time", "lower", False, "median; one sequence through the trained network"),
    (
        "one_step_s",
        "time of one step",
        "lower",
        False,
        "median; one time step of one sequence through the trained network, reading it as a stream",
    ),
    ("rounds", "rounds", None, False, "timed rounds"),
    ("measured_s", "time measured", None, False, "wall time spent inside timed rounds"),
    ("half_width_ratio", "CI half-width", None, False, "half-width of the mean's confidence interval ÷ the mean"),
    ("warmup_rounds", "warm-up rounds", None, False, "steps before timing starts"),
    ("warmup_s", "warm-up time", None, False, "wall time spent in warm-up"),
    (
        "step_energy_j",
        "energy per step",
        "lower",
        False,
        "energy counter over steps back to back (--energy-budget), otherwise mean power × median step time",
    ),
    (
        "energy_half_width_ratio",
        "energy CI half-width",
        None,
        False,
        "half-width of the mean's confidence interval over windows ÷ the mean",
    ),
    ("token_energy_j", "energy per token", "lower", False, "energy per step ÷ (batch_size × seq_len)"),
    ("mean_power_w", "mean power", None, False, "growth of the energy counter during the timed rounds ÷ their wall time"),
    ("sm_clock_hz", "SM clock", None, False, "mean clock of the GPU's multiprocessors during the timed rounds"),
    ("memory_clock_hz", "memory clock", None, False, "mean clock of the GPU's memory during the timed rounds"),
    ("cpu_clock_hz", "CPU clock", None, False, "mean of the CPU clock before and after the timed rounds"),
    ("temperature_celsius", "temperature", None, False, "highest temperature of the GPU during the timed rounds"),
    ("throttled_share", "throttled", None, False, "share of samples in which the GPU throttled because of heat or power"),
    ("busy_share", "GPU busy", None, False, "mean share of the driver's sampling period in which a kernel ran"),
    ("gpu_process_bytes", "memory of the process", None, False, "this process's memory on the GPU, as the driver counts it"),
    ("other_gpu_processes", "others on the GPU", None, False, "number of other processes that compute on the GPU"),
    ("device_time_s", "device time", "lower", False, "median time between device events around each round; headlines use the wall clock"),
    (
        "back_to_back_s",
        "step time, back to back",
        "lower",
        False,
        "time of several steps with one synchronization at the end ÷ their number, as in training",
    ),
    (
        "kernel_time_s",
        "kernel time",
        "lower",
        False,
        "time in which a kernel, copy or fill ran, in one extra step under the profiler",
    ),
    ("device_wait_share", "device idle", None, False, "1 − kernel time ÷ step time: share in which the device waits for launches"),
    ("allocator_retries", "allocator retries", "lower", False, "how often the device's allocator had to free its cache to find memory"),
    ("other_load_cores", "load by others", None, False, "CPU time of other processes during the timed rounds ÷ their wall time"),
    ("steal_share", "stolen time", None, False, "share of the machine's CPU time that the hypervisor gave to other machines"),
    ("requested_bytes", "requested", None, False, "size of the allocation that failed"),
    ("available_bytes", "available", None, False, "free memory when the allocation failed"),
)
PARTS = ("zero_grad_s", "forward_s", "loss_s", "backward_s", "unscale_s", "clip_s", "optimizer_s")
ON_DEVICE = {name: name.removesuffix("_s") + "_device_s" for name in PARTS}


def _on_device(part: str) -> Metric:
    label = part.removesuffix("_s").replace("_", " ")
    return Metric(ON_DEVICE[part], f"{label}, device", "lower", False, f"median time between device events around {label}, in extra steps")


_INTERVALS: dict[str, Interval] = {
    **dict.fromkeys(("step_time_s", "tokens_per_s", "sequences_per_s", "achieved_flops_per_s"), "step_time"),
    **dict.fromkeys(("clip_cost_s", "communication_s"), "difference"),
    "beside_ratio": "beside_ratio",
}
_REFERENCES = {"beside_ratio": 1.0, "clip_cost_s": 0.0, "communication_s": 0.0, "communication_share": 0.0}


def _metric(row: tuple[str, str, Better | None, bool, str]) -> Metric:
    return Metric(*row, interval=_INTERVALS.get(row[0], ""), reference=_REFERENCES.get(row[0]))


METRICS: dict[str, Metric] = {row[0]: _metric(row) for row in _ROWS} | {ON_DEVICE[name]: _on_device(name) for name in PARTS}
DERIVED: dict[str, Metric] = {
    "efficiency_share": Metric(
        "efficiency_share",
        "efficiency",
        "higher",
        False,
        "throughput of P processes ÷ (P × throughput of one), all else equal",
        reference=1.0,
    ),
}
"""Figures that combine several cases, so that no record holds them; `analysis.efficiency` computes them."""
DISTANCES: dict[str, dict[str, float]] = {
    "output_distance": {"fp32": 1e-3, "tf32": 1e-2, "bf16": 5e-2, "fp16": 1e-2, "pure_bf16": 5e-2},
    "loss_distance": {"fp32": 1e-3, "tf32": 1e-2, "bf16": 5e-2, "fp16": 1e-2, "pure_bf16": 5e-2},
    "gradient_distance": {"fp32": 1e-2, "tf32": 5e-2, "bf16": 2e-1, "fp16": 5e-2, "pure_bf16": 2e-1},
}
"""Tolerance by metric and precision: how far a case's numbers may be from its reference form, the same variant in fp32, eager, fused."""
FINGERPRINTS = ("output_fingerprint", "loss_fingerprint", "gradient_fingerprint")


def disagreement(precision: str, metrics: Mapping[str, float]) -> str:
    """One sentence if a case's numbers are further from its reference form's than its precision allows; otherwise empty.

    A comparison of ways to run one network says this first: a speed-up counts only if the numbers are the same.
    """
    exceeded = [
        f"{METRICS[name].label.removeprefix('distance of the ')} by {metrics[name]:.2g} (tolerance {allowed[precision]:g})"
        for name, allowed in DISTANCES.items()
        if name in metrics and not metrics[name] <= allowed[precision]
    ]
    return f"not the numbers of the fp32 eager reference form: {', '.join(exceeded)}, relative" if exceeded else ""


MEMORY = ("parameter_bytes", "gradient_bytes", "optimizer_bytes", "activation_bytes")


class BadRecord(RnnbenchError):
    """A line or file that does not hold a record or a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The outcome of one case in one process. A figure that could not be measured is in `absent` with its reason, never 0.

    `types` lists the number formats that the operators of a step were dispatched with: `_cudnn_rnn bfloat16`.
    """

    case: Case
    status: str
    reason: str = ""
    times_s: tuple[float, ...] = ()
    beside: str = ""
    beside_times_s: tuple[float, ...] = ()
    device_times_s: tuple[float, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    bound: str = ""
    absent: Mapping[str, str] = field(default_factory=dict)
    curve: tuple[Point, ...] = ()
    notes: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    worker: str = ""
    process: int = 0
    pid: int = 0
    log: str = ""
    started_utc: str = ""
    finished_utc: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise BadRecord(f"unknown status {self.status!r}; known: {', '.join(STATUSES)}")

    @property
    def key(self) -> tuple[str, int]:
        """Case id and process index: unique within a run."""
        return str(self.case), self.process

    def as_dict(self) -> dict[str, Any]:
        """The record as one line of records.jsonl. Figures that are not finite become reasons, because JSON has no NaN."""
        finite = {name: value for name, value in self.metrics.items() if math.isfinite(value)}
        odd = {name: f"not a finite number: {value}" for name, value in self.metrics.items() if not math.isfinite(value)}
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        return {"id": str(self.case), **plain, "case": self.case.as_dict(), "metrics": finite, "absent": {**self.absent, **odd}}

    @classmethod
    def from_dict(cls, data: Any) -> "Record":
        """The record of one line. Raises BadRecord, which says what is wrong."""
        try:
            values = {name: data[name] for name in (one.name for one in fields(cls)) if name in data}
            values["case"] = Case.from_dict(data["case"])
            for name in ("times_s", "beside_times_s", "device_times_s"):
                values[name] = tuple(_finite(value, name) for value in values.get(name, ()))
            values["metrics"] = {str(name): _finite(value, name) for name, value in values.get("metrics", {}).items()}
            values["absent"] = {str(name): str(why) for name, why in values.get("absent", {}).items()}
            values["curve"] = tuple(_point(point) for point in values.get("curve", ()))
            for name in ("notes", "kernels", "types"):
                values[name] = tuple(map(str, values.get(name, ())))
            for name in ("reason", "beside", "bound", "log", "worker", "started_utc", "finished_utc"):
                values[name] = str(values.get(name, ""))
            for name in ("process", "pid"):
                values[name] = int(values.get(name, 0))
            return cls(**values)
        except BadRecord:
            raise
        except RnnbenchError as error:
            raise BadRecord(str(error)) from None
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BadRecord(f"not a record ({type(error).__name__}: {error})") from None


_RUN_KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("id", "started_utc", "finished_utc"), str),
    **dict.fromkeys(("arguments", "machine", "commit", "workers"), dict),
    **dict.fromkeys(("suites", "planned"), (list, tuple)),
}


def _finite(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadRecord(f"{name} holds {value!r}, which is not a finite number")
    return value


def _point(values: Any) -> Point:
    step, seconds, loss, quality = (_finite(value, "curve") for value in values)
    return int(step), seconds, loss, quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One `rnnbench run`: its arguments, its machine and every record. `workers` are the machines of a cluster, all of one type."""

    id: str
    suites: tuple[Mapping[str, str], ...]
    arguments: Mapping[str, Any]
    machine: Mapping[str, Any]
    commit: Mapping[str, Any]
    started_utc: str
    finished_utc: str = ""
    interrupted: bool = False
    planned: Sequence[Mapping[str, Any]] = ()
    records: Sequence[Record] = ()
    workers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    schema: int = SCHEMA

    def words(self, name: str) -> list[str]:
        """An argument that is a list of words; empty if it is anything else."""
        found = self.arguments.get(name)
        return [str(word) for word in found] if isinstance(found, list | tuple) else []

    @property
    def latest(self) -> list[Record]:
        """The records; of two in one process slot, the later."""
        return list({record.key: record for record in self.records}.values())

    def by_case(self) -> dict[str, list[Record]]:
        """The latest records of each case, a process each, by the case's id."""
        found: dict[str, list[Record]] = {}
        for record in self.latest:
            found.setdefault(str(record.case), []).append(record)
        return found

    def as_dict(self) -> dict[str, Any]:
        """The run as run.json holds it: everything but the records, which are in records.jsonl."""
        return {
            one.name: getattr(self, one.name) for one in fields(self) if one.name != "records" and (one.name != "workers" or self.workers)
        }

    @classmethod
    def from_dict(cls, data: Any, records: Sequence[Record] = ()) -> "Run":
        """The run of one run.json. Raises BadRecord, which says what is wrong."""
        if not isinstance(data, dict):
            raise BadRecord("run.json does not hold an object")
        schema = data.get("schema")
        if not isinstance(schema, int) or schema < 1:
            raise BadRecord(f"run.json states no schema (found {schema!r})")
        if schema > SCHEMA:
            raise BadRecord(f"run.json has schema {schema}, this rnnbench reads up to {SCHEMA}: update rnnbench to read it")
        values = {name: data[name] for name in (one.name for one in fields(cls)) if name in data and name != "records"}
        for name, kind in _RUN_KINDS.items():
            if name in values and not isinstance(values[name], kind):
                raise BadRecord(f"run.json has {name} = {values[name]!r:.80}, which is invalid")
        for name in ("suites", "planned"):
            if odd := [one for one in values.get(name, ()) if not isinstance(one, dict)]:
                raise BadRecord(f"run.json has {odd[0]!r:.80} among its {name}, where each is an object")
        if odd := [value for one in values.get("suites", ()) for value in one.values() if not isinstance(value, str)]:
            raise BadRecord(f"run.json has {odd[0]!r:.80} in a suite, where each value is a string")
        try:
            return cls(**{**values, "suites": tuple(values["suites"])}, records=tuple(records))
        except (KeyError, TypeError) as error:
            raise BadRecord(f"run.json lacks or misuses a field ({type(error).__name__}: {error})") from None
