"""The decorator that makes a function a variant, and the table that it fills. No torch here."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rnnbench.case import IMPLEMENTATIONS, Case
from rnnbench.errors import BadPlugin, Unsupported
from rnnbench.registry import Registry

if TYPE_CHECKING:
    from torch import nn

Build = Callable[[Case], "nn.Module"]
Formula = Callable[[Case], int]


@dataclass(frozen=True, slots=True)
class Variant:
    """One architecture. `build(case)` gives a module: (seq_len, batch_size, input_size) → (seq_len, batch_size, features),
    or a tuple whose first item is that. The formulas are none where a variant states none."""

    name: str
    build: Build
    implementations: tuple[str, ...]
    source: str
    about: str
    flops: Formula | None = None  # of a forward pass, in matrix products: two for each multiply and add
    parameters: Formula | None = None
    state_size: Formula | None = None  # numbers that decoding keeps of each sequence
    package: str = ""  # of others, whose code it is

    @property
    def missing(self) -> str:
        """What to install before it can be had; empty where it can."""
        known = not self.package or find_spec(self.package) is not None
        return "" if known else f"needs the package {self.package}: pip install 'rnnbench[others]'"

    def module(self, case: Case) -> "nn.Module":
        """The module of a case, on the CPU in fp32. Raises Unsupported for an implementation that it lacks."""
        if case.implementation not in self.implementations:
            raise Unsupported(f"{self.name} has no {case.implementation!r} implementation; it has: {', '.join(self.implementations)}")
        if self.missing:
            raise Unsupported(f"{self.name} {self.missing}")
        return self.build(case)


VARIANTS: Registry[Variant] = Registry("variant", "rnnbench.variants")


def variant(
    *,
    implementations: tuple[str, ...] = ("fused",),
    source: str,
    name: str | None = None,
    flops: Formula | None = None,
    parameters: Formula | None = None,
    state_size: Formula | None = None,
    package: str = "",
) -> Callable[[Build], Build]:
    """Register `build(case) -> nn.Module` under its own name, or under `name`. `source` is the paper or page it follows.

    `flops`, `parameters` and `state_size` are formulas of a case: FLOPs in the matrix products of a forward pass, weights, and the
    numbers that decoding keeps of each sequence. `package` is what has to be installed for it.

    The first line of the function's (or else its file's) docstring is what `rnnbench list variants` says of it.
    """
    for one in implementations:
        if one not in IMPLEMENTATIONS:
            raise BadPlugin(name or "variant", f"implementation {one!r} is not one of {', '.join(IMPLEMENTATIONS)}")

    def register(build: Build) -> Build:
        doc = (build.__doc__ or build.__globals__.get("__doc__") or "").strip()
        known = name or build.__name__
        about = doc.splitlines()[0] if doc else ""
        VARIANTS.add(known, Variant(known, build, tuple(implementations), source, about, flops, parameters, state_size, package))
        return build

    return register
