"""What is to be measured: Case, Suite and grid(). No torch here: listing and planning stay quick."""

import ast
import itertools
import operator
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from rnnbench.errors import BadExpression, BadValue, UnknownName

PHASES = ("forward", "backward", "train")
PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
IMPLEMENTATIONS = ("loop", "cell", "fused")
EXECUTIONS = ("eager",)
PRESETS = ("quick", "standard", "full")


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
        elif not isinstance(value, self.kind) or value == "":
            raise BadValue(self.name, value, self.wanted())

    def wanted(self) -> str:
        """In words, what would do."""
        if self.values is not None:
            return f"one of {', '.join(self.values)}"
        kinds = {int: "a whole number from 0" if self.name == "seed" else "a whole number from 1", float: "a number above 0"}
        words = {**kinds, bool: "true or false", str: "a name"}[self.kind]
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
    task: str = axis("random", "where the data comes from")
    depth: int = axis(2, "stacked recurrent layers", unit="layers", letter="L")
    hidden_size: int = axis(256, "units of a layer, per direction", letter="H")
    input_size: int = axis(256, "features of a time step", letter="I")
    batch_size: int = axis(32, "sequences in a step", unit="sequences", letter="B")
    seq_len: int = axis(128, "time steps of a sequence", unit="time steps", letter="T")
    bidirectional: bool = axis(False, "reads the sequence both ways", letter="bi")
    precision: str = axis("fp32", "number format of the matrix products", values=PRECISIONS)
    clip_norm: float | None = axis(None, "largest gradient norm, or none", letter="clip")
    implementation: str = axis("fused", "how the recurrence is computed", values=IMPLEMENTATIONS)
    execution: str = axis("eager", "how the model is run", values=EXECUTIONS)
    device: str = axis("cpu", "where it runs")
    seed: int = axis(0, "seed of weights and data", letter="s")

    def __post_init__(self) -> None:
        for one in AXES.values():
            one.check(getattr(self, one.name))
        if not self.suite:
            raise BadValue("suite", self.suite, "a name")

    def __str__(self) -> str:
        shape = (f"{AXES[name].letter}{getattr(self, name)}" for name in _SHAPE)
        always = (self.variant, self.phase, *shape, self.precision, self.implementation, self.device)
        return f"{self.suite}/{'-'.join(map(str, (*always, *self._extras())))}"

    def _extras(self) -> Iterator[str]:
        """Fields that are named only where they differ from their default, so that ids outlive new fields."""
        for name in _EXTRAS:
            value = getattr(self, name)
            if value == AXES[name].default:
                continue
            letter = AXES[name].letter
            yield letter if value is True else f"{letter}{value:g}" if isinstance(value, float) else f"{letter}{value}"

    def as_dict(self) -> dict[str, Any]:
        """The fields, as JSON takes them."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Case":
        """The case of a record. Fields of a newer version are refused by name."""
        known = {one.name for one in fields(cls)}
        for name in values:
            if name not in known:
                raise UnknownName("axis", name, sorted(known))
        return cls(**values)


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
_SHAPE = ("depth", "hidden_size", "input_size", "batch_size", "seq_len")
_EXTRAS = ("bidirectional", "clip_norm", "execution", "task", "seed")

Values = Mapping[str, Sequence[Any]]


def _layer(axes: Mapping[str, Any] | None) -> dict[str, tuple[Any, ...]]:
    """Every axis as a tuple; a single value may stand bare."""
    layer = {}
    for name, values in (axes or {}).items():
        if name not in AXES:
            raise UnknownName("axis", name, AXES)
        layer[name] = tuple(values) if isinstance(values, tuple | list) else (values,)
    return layer


@dataclass(frozen=True, slots=True)
class Grid:
    """Axes to cross, in layers: the base, then what the device changes, then what the preset changes."""

    base: Values
    cpu: Values
    cuda: Values
    quick: Values
    full: Values

    def axes(self, device: str, preset: str, overrides: Values) -> dict[str, tuple[Any, ...]]:
        """The axes as they will be crossed."""
        sized = self.cpu if device.partition(":")[0] == "cpu" else self.cuda
        chosen = {"quick": self.quick, "full": self.full}.get(preset, {})
        return {**self.base, **sized, **chosen, **overrides, "device": (device,)}


def grid(
    *,
    cpu: Mapping[str, Any] | None = None,
    cuda: Mapping[str, Any] | None = None,
    quick: Mapping[str, Any] | None = None,
    full: Mapping[str, Any] | None = None,
    **axes: Any,
) -> tuple[Grid, ...]:
    """Axes to cross: `grid(variant=("lstm", "gru"), depth=(1, 2), cuda={"hidden_size": 1024})`. Grids add up with `+`."""
    return (Grid(_layer(axes), _layer(cpu), _layer(cuda), _layer(quick), _layer(full)),)


@dataclass(frozen=True, slots=True)
class Suite:
    """A question, and the grid of cases that answers it. `x` is the swept field, `hue` tells the lines apart."""

    name: str
    title: str
    question: str
    x: str
    hue: str
    cases: tuple[Grid, ...]

    def __post_init__(self) -> None:
        for name in (self.x, self.hue):
            if name not in AXES:
                raise UnknownName("axis", name, AXES)

    def expand(self, device: str = "cpu", preset: str = "standard", overrides: Values | None = None, select: str = "") -> tuple[Case, ...]:
        """The cases, in the grid's order and each once."""
        if preset not in PRESETS:
            raise UnknownName("preset", preset, PRESETS)
        keep = selector(select)
        found: dict[Case, None] = {}
        for part in self.cases:
            axes = part.axes(device, preset, _layer(overrides))
            for values in itertools.product(*axes.values()):
                found[Case(suite=self.name, **dict(zip(axes, values, strict=True)))] = None
        return tuple(case for case in found if keep(case))

    def about(self) -> dict[str, str]:
        """What a report needs to know of the suite."""
        return {"name": self.name, "title": self.title, "question": self.question, "x": self.x, "hue": self.hue}


def parse_set(texts: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """`["depth=2,4", "variant=lstm"]` → `{"depth": (2, 4), "variant": ("lstm",)}`."""
    axes: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        name = name.strip()
        if not equals or not name or not all(value.strip() for value in values.split(",")):
            raise BadExpression("--set", text, "write AXIS=VALUE[,VALUE…], for instance --set depth=2,4,8")
        if name == "device":
            raise BadExpression("--set", text, "the device is chosen with --device")
        if name not in AXES:
            raise UnknownName("axis", name, [one for one in AXES if one != "device"])
        axes[name] = tuple(AXES[name].parse(value.strip()) for value in values.split(","))
        for value in axes[name]:
            AXES[name].check(value)
    return axes


_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_HINT = """compare axes with == != < <= > >= in, joined by and, or, not: --select 'variant == "lstm" and depth > 2'"""


def selector(text: str) -> Callable[[Case], bool]:
    """A filter over cases from a safe expression: names of axes, constants, comparisons and boolean words; nothing is called."""
    if not text.strip():
        return lambda case: True
    if len(text) > 10_000:
        raise BadExpression("--select", text[:40] + "…", "it is longer than 10,000 characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise BadExpression("--select", text, _HINT) from None

    def value(node: ast.expr, case: Case | None) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                if node.id not in AXES:
                    raise UnknownName("axis", node.id, AXES)
                return getattr(case, node.id) if case else None
            case ast.Tuple() | ast.List():
                return tuple(value(item, case) for item in node.elts)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.UnaryOp(op=ast.Not()):
                return not value(node.operand, case)
            case ast.BoolOp():
                results = [bool(value(item, case)) for item in node.values]
                return all(results) if isinstance(node.op, ast.And) else any(results)
            case ast.Compare():
                sides = [value(side, case) for side in (node.left, *node.comparators)]
                if case is None:
                    return True
                pairs = zip(node.ops, sides, sides[1:], strict=False)
                return all(_compare(_COMPARISONS[type(op)], left, right, text) for op, left, right in pairs if _known(op, text))
            case _:
                raise BadExpression("--select", text, _HINT)

    value(tree, None)  # names and shapes are checked before any case is met
    return lambda case: bool(value(tree, case))


def _known(op: ast.cmpop, text: str) -> bool:
    if type(op) not in _COMPARISONS:
        raise BadExpression("--select", text, _HINT)
    return True


def _compare(compare: Callable[[Any, Any], Any], left: Any, right: Any, text: str) -> bool:
    """None (no clipping) is neither above nor below anything."""
    if None in (left, right) and compare in (operator.lt, operator.le, operator.gt, operator.ge):
        return False
    try:
        return bool(compare(left, right))
    except TypeError:
        raise BadExpression("--select", text, f"{left!r} and {right!r} cannot be compared; quote names, leave numbers bare") from None
