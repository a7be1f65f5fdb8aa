"""How many operators one step dispatches: exact, free of noise, and what a Python loop costs in the first place."""

from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class _Counter(TorchDispatchMode):
    """Counts what passes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def count(step: Callable[[], object]) -> int:
    """Operators that reach the dispatcher below autograd in one call of `step`; a fused kernel is one."""
    counter = _Counter()
    with counter:
        step()
    return counter.count
