"""Matching the cases of two runs at two settings when no case is in both."""

from dataclasses import replace

from rnnbench.case import AXES, Case
from rnnbench.gate.side import Observed, Side
from rnnbench.gate.trainings import is_training


def paired_by_setting(base: Side, candidate: Side) -> Side:
    """The candidate, its cases matched to those of the base that differ in one axis only, where each side has one value of that axis
    ("fp32" against "bf16"); trainings of other seeds are matched too. Unchanged where any case is in both, or no single axis tells the
    sides apart."""
    if base.cases.keys() & candidate.cases.keys() or candidate.aliases:
        return candidate
    for axis in AXES:
        sides = [{str((one.axes or {}).get(axis)) for one in side.cases.values()} for side in (base, candidate)]
        if len(sides[0]) == len(sides[1]) == 1 and sides[0] != sides[1]:
            twins = {key: name for name, one in base.cases.items() if (key := _without(one, axis))}
            pooled = {_without(one, axis, "seed"): name for name, one in base.cases.items() if is_training(one)}
            keys = {name: (_without(one, axis), _without(one, axis, "seed")) for name, one in candidate.cases.items()}
            found = {name: twins.get(exact) or pooled.get(seedless) for name, (exact, seedless) in keys.items()}
            aliases = {name: twin for name, twin in found.items() if twin}
            if aliases:
                return replace(candidate, aliases=aliases)
    return candidate


def _without(one: Observed, *axes: str) -> str:
    """A case's id at the default of `axes`; empty where another tool measured it."""
    return str(Case.from_dict({**one.axes, **{axis: AXES[axis].default for axis in axes}})) if one.axes else ""
