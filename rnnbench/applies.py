"""Which axes change what a case runs. Values that cannot affect it are reset, so that no two planned cases are identical."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rnnbench.axis import Axis, written
from rnnbench.case import AXES, Case, hyper_text
from rnnbench.errors import BadExpression

Declared = Mapping[str, Mapping[str, Axis]]
"""The axes that each variant declares, by variant and name: axes of AXES that only some variants read, and the variant's own."""


def declared_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Axis]]:
    """The declared axes of a survey's variants. Variants surveyed by an older rnnbench, which did not list axes, are left out."""
    return {one["name"]: {axis["name"]: Axis.from_dict(axis) for axis in one["axes"]} for one in rows if "axes" in one}


def applies(name: str, case: Case, declared: Declared | None) -> bool:
    """Whether another value of this axis would change what the case runs. Without `declared`, variants are assumed to read every axis."""
    own = (declared or {}).get(case.variant)
    if name not in AXES:
        return own is not None and name in own and own[name].where(case)
    if not AXES[name].declared:
        return AXES[name].where(case)
    return own is None or (name in own and own[name].where(case))


def settled(case: Case, declared: Declared | None = None, common: Collection[str] = ()) -> Case:
    """The case with every axis that does not apply reset to its default, and with its variant's own axes filled in.

    Axes in `common` have the same value in all cases that will be compared. They are not reset: they cannot create duplicate cases, and
    resetting them would make the one variant that reads them look different from the others."""
    changes: dict[str, Any] = {}
    for name, axis in AXES.items():
        value = getattr(case, name)
        if name == "hyper" or name in common or value == axis.default:
            continue
        if not applies(name, case, declared):
            changes[name] = axis.default
        elif axis.most and (most := getattr(case, axis.most)) is not None and value > most:
            changes[name] = max(axis.default, most)
    if declared is not None and case.variant in declared:
        return filled(replace(case, **changes), declared[case.variant])
    return replace(case, **changes) if changes else case


def filled(case: Case, axes: Mapping[str, Axis]) -> Case:
    """The case with a value for each of its variant's own axes: the default if the case sets none or the axis does not apply.

    Raises BadValue or UnknownName if the axis cannot have a value."""
    given, values = case.hyper_values(), dict[str, Any]()
    for name, axis in axes.items():
        if name not in AXES:
            values[name] = given[name] if name in given and axis.where(case) else axis.default
            axis.check(values[name])
            values[name] = axis.kind(values[name])  # 1 becomes 1.0 on an axis of floats, so that equal values have one id
    text = hyper_text(values)
    return case if text == case.hyper else replace(case, hyper=text)


def limits(overrides: Mapping[str, Sequence[Any]], planned: Sequence[Case], declared: Declared | None) -> Iterator[str]:
    """A sentence for each override that changes only some of the cases. `planned` are the cases before `settled`.

    Raises BadExpression for an override that changes none of them."""
    for name, values in overrides.items():
        default = AXES[name].default if name in AXES else None
        changed = sum(applies(name, case, declared) for case in planned)
        if changed == len(planned) or all(value == default for value in values):
            continue
        text = f"{name}={','.join(map(written, values))}"
        if not changed:
            raise BadExpression("--set", text, f"{name} applies only {_where(name, declared)}", verb="changes no case")
        yield f"--set {text} changes only some of the cases: {name} applies only {_where(name, declared)}"


def _where(name: str, declared: Declared | None) -> str:
    if name in AXES and not AXES[name].declared:
        return AXES[name].where.words()
    found = [(variant, axes[name]) for variant, axes in (declared or {}).items() if name in axes]
    variants = [f"{variant} {axis.where.words()}".strip() for variant, axis in found]
    return f"to {', '.join(variants)}" if variants else "to variants that declare it"
