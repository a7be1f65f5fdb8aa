"""What a user brings: a model, its batches, a loss and an optimizer; and the table of models known to this process."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rnnbench.axis import Axis
from rnnbench.case import OWN_PHASES, Case
from rnnbench.errors import UnknownName, Unsupported
from rnnbench.variants import VARIANTS, Variant

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

Loss = Callable[..., Any]
MakeOptimizer = Callable[[Iterable["nn.Parameter"]], "Optimizer"]
Tokens = int | Callable[[Any], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A model made ready for one case. `batches` take turns, as `call.call_of` reads them; `loss` is None where the model's output
    holds it; `tokens` is a count for each batch, or counts those of a batch. `note` goes on the record."""

    model: "nn.Module"
    batches: Sequence[Any]
    loss: Loss | None = None
    optimizer: MakeOptimizer | None = None
    tokens: Tokens | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A model of the user's own. `make(case)` makes it anew for each case; `axes` are the axes of a case that it takes, each with its
    default, and `declared` are the parameters that it has beside those, as axes of its own."""

    name: str
    make: Callable[[Case], Parts]
    axes: Mapping[str, Any] = field(default_factory=dict)
    declared: Mapping[str, Axis] = field(default_factory=dict)


_KNOWN: dict[str, Own] = {}


def register(own: Own) -> None:
    """Make a model known under its name, in place of an earlier one of that name, and list it among the variants."""
    VARIANTS.put(own.name, Variant(own.name, _no_variant, (), source="", about="a model of your own", axes=own.declared))
    _KNOWN[own.name] = own


def known(name: str) -> Own:
    """The model of that name. Raises UnknownName."""
    if name not in _KNOWN:
        raise UnknownName("model", name, _KNOWN)
    return _KNOWN[name]


def axes_known() -> dict[str, dict[str, Any]]:
    """By name, the axes that each known model takes."""
    return {name: dict(own.axes) for name, own in _KNOWN.items()}


def _no_variant(case: Case) -> "nn.Module":
    """What needs a variant of rnnbench's own shape: (seq_len, batch_size, input_size) in, (seq_len, batch_size, features) out."""
    raise Unsupported(
        f"{case.variant} is a model of your own, and phase {case.phase!r} with {case.processes} processes needs a @variant;"
        f" phases for your own model in one process: {', '.join(OWN_PHASES)}"
    )
