"""The operators that one step dispatches: their number, and the number formats of its matrix products. Exact, without noise."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_FACTOR = {  # operators that multiply matrices, and the index of an argument that is a factor, or a list of factors
    **dict.fromkeys(("mm", "bmm", "mv", "convolution", "_linear_pointwise"), 0),
    **dict.fromkeys(("addmm", "baddbmm", "addmv", "_cudnn_rnn", "mkldnn_rnn_layer"), 1),
    **dict.fromkeys(("_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention"), 0),
    **dict.fromkeys(("_scaled_dot_product_cudnn_attention", "_scaled_dot_product_flash_attention_for_cpu"), 0),
}
FUSED = ("_cudnn_rnn", "mkldnn_rnn_layer", "miopen_rnn")  # a whole recurrent network in one operator


@dataclass(slots=True)
class Dispatched:
    """What one step dispatched below autograd. `types` holds the number formats of matrix products, by operator."""

    count: int = 0
    types: dict[str, set[torch.dtype]] = field(default_factory=dict)

    def lines(self) -> tuple[str, ...]:
        """The lines for a record: `_cudnn_rnn bfloat16`."""
        return tuple(
            f"{name} {str(one).removeprefix('torch.')}" for name in sorted(self.types) for one in sorted(self.types[name], key=str)
        )


class _Counter(TorchDispatchMode):
    """Records every dispatched operator."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found = Dispatched()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found.count += 1
        name = func._schema.name.partition("::")[2]  # noqa: SLF001 - an operator has no public name
        if (place := _FACTOR.get(name)) is not None and place < len(args):
            factor = args[place] if isinstance(args[place], Tensor) else args[place][0]
            self.found.types.setdefault(name, set()).add(factor.dtype)
        return func(*args, **(kwargs or {}))


def dispatched(step: Callable[[], object]) -> Dispatched:
    """Record the operators of one call of `step`; a fused kernel is one operator."""
    counter = _Counter()
    with counter:
        step()
    return counter.found


def count(step: Callable[[], object]) -> int:
    """Operators that reach the dispatcher below autograd in one call of `step`."""
    return dispatched(step).count
