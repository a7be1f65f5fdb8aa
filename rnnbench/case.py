"""One thing to measure: Case, and the axes that its fields are. No torch here: listing and planning stay quick."""

import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from rnnbench.errors import BadValue, UnknownName

PHASES = ("forward", "backward", "train", "decode", "converge", "isolation")
OPTIMIZERS = ("adamw", "sgd")
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
IMPLEMENTATIONS = ("loop", "cell", "hoisted", "scan", "fused")
EXECUTIONS = ("eager", "compile", "cudagraph")
SCALINGS = ("strong", "weak")
NAME = "a name of letters, digits, _ . : +"  # what an id, a folder and a log file can all hold
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+]{0,63}")


@dataclass(frozen=True, slots=True)
class Axis:
    """One field of a Case as a thing to sweep: `values` is None where any value of `kind` will do."""

    name: str
    kind: type
    unit: str
    about: str
    letter: str
    default: Any
    values: tuple[str, ...] | None = None
    optional: bool = False

    def parse(self, text: str) -> Any:
        """The value that a user wrote; `none` is None where the axis admits it."""
        if self.optional and text.lower() == "none":
            return None
        try:
            if self.kind is bool:
                return {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}[text.lower()]
            return self.kind(text)
        except (ValueError, KeyError):
            raise BadValue(self.name, text, self.wanted()) from None

    def check(self, value: Any) -> None:
        """Raise where `value` cannot be a case's."""
        if value is None and self.optional:
            return
        if self.values is not None and value not in self.values:
            raise UnknownName(self.name, value, self.values)
        if self.kind in (int, float):
            low = 0 if self.name == "seed" else 1 if self.kind is int else 0
            number = isinstance(value, self.kind | int) and not isinstance(value, bool)
            if not number or not low <= value < 2**63 or (self.kind is float and value == 0):
                raise BadValue(self.name, value, self.wanted())
        elif not isinstance(value, self.kind) or (self.kind is str and not _NAME.fullmatch(str(value))):
            raise BadValue(self.name, value, self.wanted())

    def wanted(self) -> str:
        """In words, what would do."""
        if self.values is not None:
            return f"one of {', '.join(self.values)}{', or none' if self.optional else ''}"
        kinds = {int: "a whole number from 0" if self.name == "seed" else "a whole number from 1", float: "a number above 0"}
        words = {**kinds, bool: "true or false", str: NAME}[self.kind]
        return f"{words}, or none" if self.optional else words


def axis(default: Any, about: str, *, unit: str = "", letter: str = "", values: tuple[str, ...] | None = None) -> Any:
    """A Case field with what the command line and the reports need to know of it."""
    return field(default=default, metadata={"about": about, "unit": unit, "letter": letter, "values": values})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to measure. `str(case)` is its id: stable, readable, one to one with its fields."""

    suite: str
    variant: str = axis("lstm", "architecture")
    phase: str = axis("train", "what is timed", values=PHASES)
    task: str = axis("random", "where the data comes from", letter="task=")
    depth: int = axis(2, "stacked recurrent layers", unit="layers", letter="L")
    hidden_size: int = axis(256, "units of a layer, per direction", letter="H")
    input_size: int = axis(256, "features of a time step", letter="I")
    batch_size: int = axis(32, "sequences in a step", unit="sequences", letter="B")
    seq_len: int = axis(128, "time steps of a sequence", unit="time steps", letter="T")
    bidirectional: bool = axis(False, "reads the sequence both ways", letter="bi")
    precision: str = axis("fp32", "number format of the matrix products", values=PRECISIONS)
    clip_norm: float | None = axis(None, "largest gradient norm, or none", letter="clip")
    optimizer: str | None = axis(None, "what learns in `converge`; none is the task's own", letter="opt=", values=OPTIMIZERS)
    lr: float | None = axis(None, "learning rate in `converge`; none is the task's own", letter="lr")
    schedule: str | None = axis(None, "the learning rate after its warm-up; none is the task's own", letter="sched=", values=SCHEDULES)
    max_steps: int | None = axis(None, "most training steps in `converge`; none is the task's own", unit="steps", letter="steps")
    distilled: bool = axis(False, "learns from a trained teacher's outputs too", letter="distilled")
    temperature: float = axis(3.0, "softens a teacher's and its student's answers, where `distilled`", letter="temp")
    teacher_share: float = axis(0.7, "share of the loss that is the teacher's, up to 1, where `distilled`", letter="share")
    match_hidden: bool = axis(False, "the student's hidden states learn to be the teacher's too, where `distilled`", letter="hidden")
    implementation: str = axis("fused", "how the recurrence is computed", values=IMPLEMENTATIONS)
    execution: str = axis("eager", "how the model is run", values=EXECUTIONS)
    device: str = axis("cpu", "where it runs")
    seed: int = axis(0, "seed of weights and data", letter="s")
    window: int = axis(128, "time steps that local attention looks at, its own among them", unit="time steps", letter="W")

    halt_at: float = axis(0.9, "confidence at which adaptive depth goes no deeper", letter="halt")
    processes: int = axis(1, "processes that train one model together", unit="processes", letter="P")
    scaling: str = axis("strong", "strong: the processes share batch_size; weak: it is each one's own", letter="scaling=", values=SCALINGS)
    bucket_mib: int | None = axis(None, "gradients that are sent at once; none is torch's own: 1 MiB, then 25", unit="MiB", letter="bucket")
    accumulation: int = axis(
        1, "parts of a process's batch whose gradients are added up before they are sent", unit="parts", letter="parts"
    )

    def __post_init__(self) -> None:
        for one in AXES.values():
            one.check(getattr(self, one.name))
        if self.teacher_share > 1:
            raise BadValue("teacher_share", self.teacher_share, "a number above 0, at most 1")
        if not isinstance(self.suite, str) or not _NAME.fullmatch(self.suite):
            raise BadValue("suite", self.suite, NAME)

    def __str__(self) -> str:
        shape = (f"{AXES[name].letter}{getattr(self, name)}" for name in SHAPE)
        always = (self.variant, self.phase, *shape, self.precision, self.implementation, self.device)
        return f"{self.suite}/{'-'.join(map(str, (*always, *self._extras())))}"

    def _extras(self) -> Iterator[str]:
        """Fields that are named only where they differ from their default, so that ids outlive new fields."""
        for name in _EXTRAS:
            value = getattr(self, name)
            if value == AXES[name].default:
                continue
            letter = AXES[name].letter
            yield letter if value is True else f"{letter}{_exact(value)}"

    def as_dict(self) -> dict[str, Any]:
        """The fields, as JSON takes them."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Case":
        """The case of a record. Fields of a newer version are refused by name, and so is one without a suite."""
        known = {one.name for one in fields(cls)}
        for name in values:
            if name not in known:
                raise UnknownName("axis", name, sorted(known))
        if "suite" not in values:
            raise BadValue("suite", None, NAME)
        return cls(**values)


def _exact(value: object) -> str:
    """A value as an id names it: 1.0 and 1 are equal and read 1, and no other number does."""
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
TAUGHT = ("distilled", "temperature", "teacher_share", "match_hidden")
"""Axes that say whether and how a student is taught."""
_TRAINED = ("task", "optimizer", "lr", "schedule", "max_steps", *TAUGHT)
_SHARED = ("processes", "scaling", "bucket_mib", "accumulation")
_EXTRAS = ("bidirectional", "clip_norm", "execution", *_TRAINED, "seed", "window", "halt_at", *_SHARED)
