"""A question and the grid of cases that answers it: Suite and grid()."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnbench.budget import PRESETS
from rnnbench.case import AXES, Case
from rnnbench.errors import UnknownName

Values = Mapping[str, tuple[Any, ...]]


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
    """A question, and the grid of cases that answers it. `x` is the swept field, `hue` tells the lines apart.

    `families` names groups of values of `hue` that cross along `x`: the first is what the others are held against."""

    name: str
    title: str
    question: str
    x: str
    hue: str
    cases: tuple[Grid, ...]
    families: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (self.x, self.hue):
            if name not in AXES:
                raise UnknownName("axis", name, AXES)

    def expand(
        self,
        device: str = "cpu",
        preset: str = "standard",
        overrides: Values | None = None,
        keep: Callable[[Case], bool] | None = None,
    ) -> tuple[Case, ...]:
        """The cases, in the grid's order and each once."""
        if preset not in PRESETS:
            raise UnknownName("preset", preset, PRESETS)
        found: dict[Case, None] = {}
        for part in self.cases:
            axes = part.axes(device, preset, _layer(overrides))
            for values in itertools.product(*axes.values()):
                found[Case(suite=self.name, **dict(zip(axes, values, strict=True)))] = None
        return tuple(case for case in found if keep is None or keep(case))

    def about(self) -> dict[str, str]:
        """What a report needs to know of the suite."""
        families = "; ".join(f"{name}: {', '.join(members)}" for name, members in self.families.items())
        said = {"name": self.name, "title": self.title, "question": self.question, "x": self.x, "hue": self.hue}
        return {**said, **({"families": families} if families else {})}
