"""Suite, a question with the metric that answers it, and grid(), which builds its cases in layers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rnnbench.applies import Declared, limits, settled
from rnnbench.axis import written
from rnnbench.budget import PRESETS
from rnnbench.case import AXES, Case
from rnnbench.errors import BadExpression, BadValue, UnknownName
from rnnbench.overrides import crossed, overridden
from rnnbench.record import DERIVED, METRICS

Values = Mapping[str, tuple[Any, ...]]


def _layer(axes: Mapping[str, Any] | None) -> dict[str, tuple[Any, ...]]:
    """Every axis as a tuple; a single value need not be in one. Raises UnknownName."""
    layer = {}
    for name, values in (axes or {}).items():
        if name not in AXES:
            raise UnknownName("axis", name, AXES)
        layer[name] = tuple(values) if isinstance(values, tuple | list) else (values,)
    return layer


@dataclass(frozen=True, slots=True)
class Grid:
    """Axes to cross, in layers: the base, then changes by device, by preset, and by preset on CUDA."""

    base: Values
    cpu: Values
    cuda: Values
    quick: Values
    full: Values
    quick_cuda: Values = field(default_factory=dict)
    full_cuda: Values = field(default_factory=dict)

    def axes(self, device: str, preset: str) -> dict[str, tuple[Any, ...]]:
        """The axes and their values for this device and preset."""
        kind = device.partition(":")[0]
        chosen = {"quick": self.quick, "full": self.full}.get(preset, {})
        also = {"quick": self.quick_cuda, "full": self.full_cuda}.get(preset, {}) if kind == "cuda" else {}
        return {**self.base, **(self.cpu if kind == "cpu" else self.cuda), **chosen, **also, "device": (device,)}


def grid(
    *,
    cpu: Mapping[str, Any] | None = None,
    cuda: Mapping[str, Any] | None = None,
    quick: Mapping[str, Any] | None = None,
    full: Mapping[str, Any] | None = None,
    quick_cuda: Mapping[str, Any] | None = None,
    full_cuda: Mapping[str, Any] | None = None,
    **axes: Any,
) -> tuple[Grid, ...]:
    """Axes to cross: `grid(variant=("lstm", "gru"), depth=(1, 2), cuda={"hidden_size": 1024})`. Grids can be added with `+`.

    A preset's axes override the device's; `quick_cuda` and `full_cuda` override them on CUDA, where sizes are larger."""
    return (Grid(*map(_layer, (axes, cpu, cuda, quick, full, quick_cuda, full_cuda))),)


METRIC = "step_time_s"
TABLE = (METRIC, "half_width_ratio", "tokens_per_s", "activation_bytes", "peak_allocated_bytes")


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a suite's figures: the metric that answers its question, the metrics of its terminal table, in order, and the axis
    values of the baseline."""

    metric: str = METRIC
    table: tuple[str, ...] = TABLE
    baseline: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, about: Mapping[str, str]) -> "Reading":
        """From a run's description of a suite. Names that this version does not know are ignored: another version wrote them."""
        known = [name for name in about.get("table", "").split(", ") if name in METRICS or name in DERIVED]
        metric = about.get("metric", "")
        pairs = (part.partition("=") for part in about.get("baseline", "").split(", "))
        return cls(
            metric if metric in METRICS or metric in DERIVED else METRIC,
            tuple(known) or TABLE,
            {name: value for name, _, value in pairs if name in AXES},
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """The cases that a user chose from a suite, the grid combinations that they come from, and what `--set` did to the grids."""

    cases: tuple[Case, ...]
    planned: tuple[Case, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """A question, and the grid of cases that answers it. `x` is the swept field; each value of `hue` is a line.

    `metric` is the figure that answers the question and `table` lists what the terminal shows, all from `record.METRICS` or `DERIVED`.
    `baseline` holds the axis values that other cases are compared with: `{"variant": "lstm"}`.
    `families` names groups of values of `hue` that cross along `x`; the others are compared with the first.
    `fixed` axes cannot be overridden: the suite sets them together, and other values would answer another question."""

    name: str
    title: str
    question: str
    x: str
    hue: str
    cases: tuple[Grid, ...]
    families: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    metric: str = METRIC
    table: tuple[str, ...] = TABLE
    baseline: Mapping[str, Any] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (self.x, self.hue, *self.baseline, *self.fixed):
            if name not in AXES:
                raise UnknownName("axis", name, AXES)
        for name, value in self.baseline.items():
            AXES[name].check(value)
        for name in (self.metric, *self.table):
            if name not in METRICS and name not in DERIVED:
                raise UnknownName("metric", name, [*METRICS, *DERIVED])
        if self.metric not in self.table:
            raise BadValue("table", self.table, f"metrics that include {self.metric}, which answers the question")

    def expand(
        self,
        device: str = "cpu",
        preset: str = "standard",
        overrides: Values | None = None,
        keep: Callable[[Case], bool] | None = None,
        declared: Declared | None = None,
    ) -> tuple[Case, ...]:
        """The cases in the order of the grids, without duplicates. Raises UsageError."""
        return self.chosen(device, preset, overrides, keep, declared).cases

    def chosen(
        self,
        device: str = "cpu",
        preset: str = "standard",
        overrides: Values | None = None,
        keep: Callable[[Case], bool] | None = None,
        declared: Declared | None = None,
    ) -> "Chosen":
        """The cases that `overrides` and `keep` choose, without duplicates. `declared` says which axes each variant reads, if known;
        an axis that does not apply to a case has its default. Raises UsageError."""
        if preset not in PRESETS:
            raise UnknownName("preset", preset, PRESETS)
        wanted = {name: values if isinstance(values, tuple) else (values,) for name, values in (overrides or {}).items()}
        for name in wanted:
            if name in self.fixed:
                text = f"{name}={','.join(map(written, wanted[name]))}"
                why = f"{self.name} sets {', '.join(self.fixed)} together, and its question depends on that ({self.question})"
                raise BadExpression("--set", text, why, verb="cannot be combined with this suite")
        grids, remarks = overridden([part.axes(device, preset) for part in self.cases], wanted)
        planned = [Case(suite=self.name, **fields) for axes in grids for fields in crossed(axes)]
        common = [name for name, axis in AXES.items() if axis.declared and len({getattr(case, name) for case in planned}) == 1]
        found = dict.fromkeys(settled(case, declared, common) for case in planned)
        return Chosen(tuple(case for case in found if keep is None or keep(case)), tuple(planned), tuple(remarks))

    def about(self) -> dict[str, str]:
        """The facts about the suite that reports need; run.json holds them."""
        families = "; ".join(f"{name}: {', '.join(members)}" for name, members in self.families.items())
        baseline = ", ".join(f"{name}={written(value)}" for name, value in self.baseline.items())
        about = {
            "name": self.name,
            "title": self.title,
            "question": self.question,
            "x": self.x,
            "hue": self.hue,
            "metric": self.metric,
            "table": ", ".join(self.table),
            "families": families,
            "baseline": baseline,
        }
        return {name: text for name, text in about.items() if text}


def choose(
    suites: Sequence[Suite],
    device: str,
    preset: str,
    overrides: Values,
    keep: Callable[[Case], bool] | None,
    declared: Declared | None,
) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases of several suites, and sentences about what `--set` did. Raises UsageError for an override that changes no case."""
    found = [one.chosen(device, preset, overrides, keep, declared) for one in suites]
    planned = [case for one in found for case in one.planned]
    remarks = [f"{suite.name}: {text}" for suite, one in zip(suites, found, strict=True) for text in one.remarks]
    return tuple(case for one in found for case in one.cases), (*remarks, *limits(overrides, planned, declared))
