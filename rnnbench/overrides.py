"""What `--set` does to a suite's grids: it keeps those that have the value, and overrides all if none has."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from rnnbench.axis import written
from rnnbench.case import AXES, hyper_text

Axes = dict[str, tuple[Any, ...]]
Overrides = Mapping[str, tuple[Any, ...]]


def overridden(grids: Sequence[Axes], overrides: Overrides) -> tuple[list[Axes], list[str]]:
    """The grids after the overrides, and a sentence for each override that removed grids.

    Overrides apply in the order of AXES: a variant or task selects grids first, and a size then selects among those.
    A grid that does not name an axis has its default.
    """
    found, remarks = [dict(one) for one in grids], []
    for name in sorted(overrides, key=_rank):
        values, before = overrides[name], len(found)
        had = {value for value in values if any(value in _values(one, name) for one in found)}
        kept = []
        for one in found:
            chosen = tuple(value for value in values if value not in had or value in _values(one, name))
            if chosen:
                kept.append({**one, name: chosen})
        found = kept
        if len(found) < before:
            remarks.append(f"--set {name}={','.join(map(written, values))} keeps {len(found)} of {before} grids: the others do not have it")
    return found, remarks


def crossed(axes: Axes) -> Iterator[dict[str, Any]]:
    """Every combination, as fields of a Case; the last axis varies fastest. A variant's own axes are joined into `hyper`."""
    for values in product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        own = {name: chosen.pop(name) for name in list(chosen) if name not in AXES}
        yield {**chosen, **({"hyper": hyper_text(own)} if own else {})}


def _rank(name: str) -> int:
    return list(AXES).index(name) if name in AXES else len(AXES)


def _values(axes: Axes, name: str) -> tuple[Any, ...]:
    return axes.get(name, (AXES[name].default,) if name in AXES else ())
