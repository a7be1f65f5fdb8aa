"""What two sides differ in by design: another precision, variant or environment. Exact figures of such sides differ; none regressed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rnnbench.case import AXES, Case
from rnnbench.errors import BadValue, UnknownName
from rnnbench.gate.match import Match
from rnnbench.gate.side import Observed, Side

ONE_SIDE_HAS_NONE = "not set"


def design_of(base: Side, candidate: Side, both: Iterable[Match]) -> dict[str, tuple[Any, Any]]:
    """Axis or environment variable → its value on either side, where the two were set apart on purpose; empty for the same settings.

    An axis counts where matched cases differ in it; a list stands for several values. A suite's new name is no design, nor are the seeds
    of trainings, which are pooled."""
    found: dict[str, tuple[list[Any], list[Any]]] = {}
    for one in both:
        before, after = one.base.axes or {}, one.candidate.axes or {}
        aside = {"suite", "seed"} if before.get("phase") == "converge" else {"suite"}
        for name in before.keys() & after.keys() - aside:
            if before[name] != after[name]:
                sides = found.setdefault(name, ([], []))
                for values, value in zip(sides, (before[name], after[name]), strict=True):
                    if value not in values:
                        values.append(value)
    axes = {name: (_one_or_all(sides[0]), _one_or_all(sides[1])) for name, sides in found.items()}
    names = sorted(base.environment.keys() | candidate.environment.keys())
    pairs = {name: tuple(side.environment.get(name, ONE_SIDE_HAS_NONE) for side in (base, candidate)) for name in names}
    return {**axes, **{name: (a, b) for name, (a, b) in pairs.items() if a != b}}


def _one_or_all(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def across(side: Side, axis: str, base: Any, candidate: Any) -> tuple[Side, Side]:
    """One measurement as two sides: its cases at `axis` = base, and those at `axis` = candidate, matched where all else is alike.

    `base` and `candidate` may be texts ("fp32"). Raises UnknownName for an axis or a value that no case has."""
    if axis not in AXES:
        raise UnknownName("axis", axis, AXES)
    first, second = (_at(side, axis, value) for value in (base, candidate))
    if first.keys() == second.keys():
        raise BadValue(axis, candidate, f"two different values, for instance {axis} {_values(side, axis)}")
    twins = {_rest(one.axes or {}, axis): name for name, one in first.items()}
    aliases = {name: twins[rest] for name, one in second.items() if (rest := _rest(one.axes or {}, axis)) in twins}
    made = replace(side, duet="", plan={}, notes=side.notes)
    return (
        replace(made, label=f"{side.label} {axis}={base}", cases=first, aliases={}),
        replace(made, label=f"{side.label} {axis}={candidate}", cases=second, aliases=aliases),
    )


def _at(side: Side, axis: str, value: Any) -> dict[str, Observed]:
    found = {name: one for name, one in side.cases.items() if one.axes is not None and str(one.axes.get(axis)) == str(value)}
    if not found:
        raise UnknownName(f"{axis} of {side.label!r}:", value, _values(side, axis))
    return found


def _values(side: Side, axis: str) -> list[str]:
    return list(dict.fromkeys(str(one.axes.get(axis)) for one in side.cases.values() if one.axes))


def _rest(axes: Mapping[str, Any], axis: str) -> str:
    return str(Case.from_dict({**axes, axis: AXES[axis].default}))
