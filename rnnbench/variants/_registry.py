"""The `@variant` decorator and the table of variants that it fills. No torch here."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, overload

from rnnbench.applies import filled
from rnnbench.axis import Axis, Where
from rnnbench.case import AXES, IMPLEMENTATIONS, Case
from rnnbench.errors import BadPlugin, Unsupported
from rnnbench.registry import Registry
from rnnbench.variants import kernels

if TYPE_CHECKING:
    from torch import nn

Build = Callable[[Case], "nn.Module"]
Formula = Callable[[Case], int]
Axes = tuple[str, ...] | Mapping[str, Axis | Where]


@dataclass(frozen=True, slots=True)
class Variant:
    """One architecture. `build(case)` returns a module: (seq_len, batch_size, input_size) → (seq_len, batch_size, features),
    or a tuple whose first item is that. A formula is None if the variant does not state it."""

    name: str
    build: Build
    implementations: tuple[str, ...]
    source: str
    about: str
    flops: Formula | None = None  # of a forward pass, in matrix products: two for each multiply and add
    parameters: Formula | None = None
    state_size: Formula | None = None  # numbers that decoding keeps per sequence
    package: str = ""  # third-party package with the code
    axes: Mapping[str, Axis] = field(default_factory=dict)  # axes that it declares

    @property
    def missing(self) -> str:
        """What has to be installed for this variant; empty if nothing is missing."""
        known = not self.package or find_spec(self.package) is not None
        return "" if known else f"needs the package {self.package}: pip install 'rnnbench[others]'"

    @property
    def on_cuda(self) -> str:
        """What `fused` is on a CUDA device and how that was verified; empty if it is the same as on other devices."""
        return kernels.VERIFIED if "triton" in self.implementations else ""

    def module(self, case: Case) -> "nn.Module":
        """The module of a case, on the CPU in fp32. Raises Unsupported for an implementation that the variant lacks."""
        if case.implementation not in self.implementations:
            raise Unsupported(f"{self.name} has no {case.implementation!r} implementation; it has: {', '.join(self.implementations)}")
        if self.missing:
            raise Unsupported(f"{self.name} {self.missing}")
        if lacking := kernels.missing(case):
            raise Unsupported(lacking)
        return self.build(filled(case, self.axes))


VARIANTS: Registry[Variant] = Registry("variant", "rnnbench.variants")


@overload
def variant(build: Build, /) -> Build: ...
@overload
def variant(
    *,
    implementations: tuple[str, ...] = ...,
    source: str = ...,
    name: str | None = ...,
    flops: Formula | None = ...,
    parameters: Formula | None = ...,
    state_size: Formula | None = ...,
    package: str = ...,
    axes: Axes = ...,
) -> Callable[[Build], Build]: ...
def variant(
    build: Build | None = None,
    /,
    *,
    implementations: tuple[str, ...] = ("fused",),
    source: str = "",
    name: str | None = None,
    flops: Formula | None = None,
    parameters: Formula | None = None,
    state_size: Formula | None = None,
    package: str = "",
    axes: Axes = (),
) -> Build | Callable[[Build], Build]:
    """Register `build(case) -> nn.Module` under the function's name, or under `name`. `source` is the paper or page that it follows.

    `flops`, `parameters` and `state_size` are functions of a case: FLOPs in the matrix products of a forward pass, number of weights,
    and numbers that decoding keeps per sequence. `package` is a package that must be installed.

    `axes` are axes that only some variants read: shared ones by name (`("window",)`), optionally with the cases they apply to
    (`{"halt_at": Where({"phase": ("forward",)})}`), and the variant's own (`{"keep": own_axis(0.5, "share that is kept")}`).

    `rnnbench list variants` shows the first line of the function's docstring, or if it has none, of its file's.
    """
    for one in implementations:
        if one not in IMPLEMENTATIONS:
            raise BadPlugin(name or "variant", f"implementation {one!r} is not one of {', '.join(IMPLEMENTATIONS)}")

    def register(build: Build) -> Build:
        doc = (build.__doc__ or build.__globals__.get("__doc__") or "").strip()
        known = name or build.__name__
        about = doc.splitlines()[0] if doc else ""
        formulas = {"flops": flops, "parameters": parameters, "state_size": state_size}
        own = _declared(known, axes)
        VARIANTS.add(known, Variant(known, build, tuple(implementations), source, about, package=package, axes=own, **formulas))
        return build

    return register if build is None else register(build)


def _declared(variant_name: str, axes: Axes) -> dict[str, Axis]:
    """The axes that a variant declares, by name. Raises BadPlugin for a name that cannot be an axis."""
    given = axes if isinstance(axes, Mapping) else {name: Where() for name in axes}
    found = {}
    for name, one in given.items():
        if isinstance(one, Where):
            if name not in AXES or not AXES[name].declared:
                shared = ", ".join(known for known, axis in AXES.items() if axis.declared and known != "hyper")
                raise BadPlugin(variant_name, f"{name!r} is not an axis that variants share ({shared}); declare it with own_axis(…)")
            found[name] = replace(AXES[name], where=one)
        elif not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name) or hasattr(Case, name):
            raise BadPlugin(variant_name, f"{name!r} cannot name an axis: write a new name of small letters, digits and _")
        else:
            found[name] = replace(one, name=name)
    return found
