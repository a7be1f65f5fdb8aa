"""Case, one thing to measure, and its axes."""

import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from rnnbench.axis import EVERYWHERE, NAME, NAME_PATTERN, Axis, Where, read, written
from rnnbench.errors import BadValue, UnknownName

PHASES = ("forward", "backward", "train", "decode", "converge", "isolation")
OPTIMIZERS = ("adamw", "sgd")
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("fp32", "tf32", "bf16", "fp16", "pure_bf16")
IMPLEMENTATIONS = ("loop", "cell", "hoisted", "scan", "fused", "triton")
EXECUTIONS = ("eager", "compile", "compile_reduce_overhead", "compile_max_autotune", "compile_rnn", "cudagraph")
SCALINGS = ("strong", "weak")
PACKINGS = ("padded", "packed", "bucketed")
FIXED_LENGTHS = "fixed"
HYPER = re.compile(r"[a-z][a-z0-9_]*:[A-Za-z0-9_.]+(\+[a-z][a-z0-9_]*:[A-Za-z0-9_.]+)*")

_LEARNING = Where({"phase": ("converge",)})
_TAUGHT = Where({"phase": ("converge",), "distilled": (True,)})
_CLIPPING = Where({"phase": ("train", "converge")})
_PASSED = Where({"phase": ("forward", "backward", "train")})
_UNLIKE = Where({"phase": ("forward", "backward", "train")}, never={"lengths": (FIXED_LENGTHS,)})
_SHARING = Where(never={"processes": (1,)})


def axis(
    default: Any,
    about: str,
    *,
    unit: str = "",
    letter: str = "",
    values: tuple[str, ...] | None = None,
    where: Where = EVERYWHERE,
    declared: bool = False,
    most: str = "",
    zero: bool = False,
) -> Any:
    """A Case field with the metadata that the command line and the reports need."""
    facts = {"about": about, "unit": unit, "letter": letter, "values": values, "where": where, "declared": declared}
    return field(default=default, metadata={**facts, "most": most, "zero": zero})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to measure. `str(case)` is its id: stable, readable, one to one with its fields.

    Fields are grouped by the cases they apply to. The axes that a variant declares for itself are attributes too: `case.keep`.
    """

    # every case
    suite: str
    variant: str = axis("lstm", "architecture")
    phase: str = axis("train", "what is timed", values=PHASES)
    task: str = axis("random", "where the data comes from", letter="task=")
    depth: int = axis(2, "stacked recurrent layers", unit="layers", letter="L")
    hidden_size: int = axis(256, "units of a layer, per direction", letter="H")
    input_size: int = axis(256, "features of a time step", letter="I")
    batch_size: int = axis(32, "sequences in a step", unit="sequences", letter="B")
    seq_len: int = axis(128, "time steps of a sequence", unit="time steps", letter="T")
    bidirectional: bool = axis(False, "reads the sequence in both directions", letter="bi")
    precision: str = axis("fp32", "number format of the matrix products", values=PRECISIONS)

    # steps that have gradients to clip
    clip_norm: float | None = axis(None, "maximum gradient norm, or none", letter="clip", where=_CLIPPING)

    # trainings to a target
    optimizer: str | None = axis(None, "optimizer; none is the task's own", letter="opt=", values=OPTIMIZERS, where=_LEARNING)
    lr: float | None = axis(None, "learning rate; none is the task's own", letter="lr", where=_LEARNING)
    schedule: str | None = axis(
        None, "learning rate after its warm-up; none is the task's own", letter="sched=", values=SCHEDULES, where=_LEARNING
    )
    max_steps: int | None = axis(None, "most training steps; none is the task's own", unit="steps", letter="steps", where=_LEARNING)
    distilled: bool = axis(False, "also learns from a trained teacher's outputs", letter="distilled", where=_LEARNING)

    # students of a teacher
    temperature: float = axis(3.0, "softens the answers of teacher and student", letter="temp", where=_TAUGHT)
    teacher_share: float = axis(0.7, "the teacher's share of the loss, up to 1", letter="share", where=_TAUGHT)
    match_hidden: bool = axis(False, "the student also learns the teacher's hidden states", letter="hidden", where=_TAUGHT)

    # sequences of unlike length
    lengths: str = axis(FIXED_LENGTHS, "lengths of the sequences: fixed, uniform, skewed, or FILE.lengths", letter="len=", where=_PASSED)
    packing: str = axis("padded", "how sequences of unlike length make a batch", letter="pack=", values=PACKINGS, where=_UNLIKE)

    # every case
    implementation: str = axis("fused", "how the recurrence is computed", values=IMPLEMENTATIONS)
    execution: str = axis("eager", "how the model is run", values=EXECUTIONS)
    device: str = axis("cpu", "where it runs")
    seed: int = axis(0, "seed of weights and data", letter="s", zero=True)

    # variants that declare them
    window: int = axis(
        128, "time steps that local attention sees, its own included", unit="time steps", letter="W", declared=True, most="seq_len"
    )
    block_size: int = axis(
        64, "time steps in a block of block-sparse attention", unit="time steps", letter="block", declared=True, most="seq_len"
    )
    halt_at: float = axis(0.9, "confidence at which adaptive depth stops", letter="halt", declared=True)
    hyper: str | None = axis(None, "a variant's own hyperparameters, NAME:VALUE joined by +", declared=True)

    # one model on several processes
    processes: int = axis(1, "processes that train one model together", unit="processes", letter="P")
    scaling: str = axis(
        "strong", "strong: processes share batch_size; weak: each has its own", letter="scaling=", values=SCALINGS, where=_SHARING
    )
    bucket_mib: int | None = axis(
        None, "gradients sent at once; none is torch's own: 1 MiB, then 25", unit="MiB", letter="bucket", where=_SHARING
    )
    accumulation: int = axis(1, "parts of a batch whose gradients are added up before they are sent", unit="parts", letter="parts")

    def __post_init__(self) -> None:
        for one in AXES.values():
            if not (self.own and one.name in OWN_BLANK and getattr(self, one.name) is None):
                one.check(getattr(self, one.name))
        if self.teacher_share > 1:
            raise BadValue("teacher_share", self.teacher_share, "a number above 0, at most 1")
        if not isinstance(self.suite, str) or not NAME_PATTERN.fullmatch(self.suite):
            raise BadValue("suite", self.suite, NAME)
        if self.hyper is not None and not HYPER.fullmatch(self.hyper):
            raise BadValue("hyper", self.hyper, "NAME:VALUE joined by +, for instance keep:0.5+gates:2")

    def __getattr__(self, name: str) -> Any:
        """The value of an axis that the variant declares for itself."""
        values = {} if name.startswith("_") else self.hyper_values()
        if name not in values:
            raise AttributeError(f"a case has no axis {name!r}, and its variant declares none of that name")
        return values[name]

    def hyper_values(self) -> dict[str, Any]:
        """The variant's own axes, by name."""
        pairs = (part.partition(":") for part in self.hyper.split("+")) if self.hyper else ()
        return {name: read(text) for name, _, text in pairs}

    def __str__(self) -> str:
        shape = (f"{AXES[name].letter}{getattr(self, name)}" for name in SHAPE if getattr(self, name) is not None)
        always = (self.variant, self.phase, *shape, self.precision, self.implementation, self.device)
        return f"{self.suite}/{'-'.join(str(word) for word in (*always, *self._extras()) if word is not None)}"

    @property
    def own(self) -> bool:
        """Whether the variant is the user's own model, `mypkg.models:make`."""
        return ":" in str(self.variant)

    def _extras(self) -> Iterator[str]:
        """The parts of the id for fields that differ from their default. Others are omitted, so that new fields do not change old ids."""
        for name in _EXTRAS:
            value = getattr(self, name)
            if value == (None if self.own and name in OWN_BLANK else AXES[name].default):
                continue
            letter = AXES[name].letter
            yield letter if value is True else f"{letter}{_exact(value)}"

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Case":
        """The case of a record. Raises UnknownName for a field of a newer version, and BadValue without a suite.

        Old records of `block_sparse` have no `block_size`: its block was half of `window`."""
        if values.get("variant") == "block_sparse" and "block_size" not in values and isinstance(window := values.get("window"), int):
            values = {**values, "block_size": max(1, window // 2), "window": AXES["window"].default}
        known = {one.name for one in fields(cls)}
        for name in values:
            if name not in known:
                raise UnknownName("axis", name, sorted(known))
        if "suite" not in values:
            raise BadValue("suite", None, NAME)
        return cls(**values)


def hyper_text(values: Mapping[str, Any]) -> str | None:
    """Values of a variant's own axes as `Case.hyper` holds them: {"keep": 0.5, "gates": 2} → "gates:2+keep:0.5"."""
    plain = {name: f"{Decimal(repr(value)):f}" if isinstance(value, float) else written(value) for name, value in sorted(values.items())}
    return "+".join(f"{name}:{text}" for name, text in plain.items()) or None


def _exact(value: object) -> str:
    """A value in an id. Whole floats lose their fraction, because 1.0 and 1 are equal and must give one id."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _axes() -> dict[str, Axis]:
    hints = typing.get_type_hints(Case)
    table = {}
    for one in fields(Case):
        if not one.metadata:
            continue
        kinds = [kind for kind in typing.get_args(hints[one.name]) or (hints[one.name],) if kind is not type(None)]
        table[one.name] = Axis(one.name, kinds[0], default=one.default, optional=one.default is None, **one.metadata)
    return table


AXES: dict[str, Axis] = _axes()
SHAPE = ("depth", "hidden_size", "input_size", "batch_size", "seq_len")
OWN_BLANK = (*SHAPE, "task", "implementation")
"""Axes that are None if the variant is the user's own model and has no such setting: nothing unknown is claimed."""
OWN_PHASES = ("forward", "backward", "train")
"""Phases in which the user's own model can be measured."""
TAUGHT = ("distilled", "temperature", "teacher_share", "match_hidden")
"""Axes of distillation: whether and how a student learns from a teacher."""
_TRAINED = ("task", "optimizer", "lr", "schedule", "max_steps", *TAUGHT)
_SHARED = ("processes", "scaling", "bucket_mib", "accumulation")
LATER = ("block_size", "hyper", "lengths", "packing")
"""Fields that rnnbench 0.1.0 refuses as unknown."""
_EXTRAS = (
    "bidirectional",
    "clip_norm",
    "execution",
    *_TRAINED,
    "seed",
    "window",
    "block_size",
    "halt_at",
    "hyper",
    "lengths",
    "packing",
    *_SHARED,
)
