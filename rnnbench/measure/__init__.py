"""One case from first to last. `rnnbench.measure(model, batch)` calls this package: see `rnnbench.interactive.measure`."""

import inspect
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_FUNCTION = "rnnbench.interactive"  # not imported here: it stands above this package, and needs torch


class _Callable(ModuleType):
    """A package that is called as the function of its name: `import rnnbench.measure.x` binds the package where the function would be."""

    def __call__(self, *args: Any, **named: Any) -> Any:
        """rnnbench.interactive.measure."""
        return import_module(_FUNCTION).measure(*args, **named)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(import_module(_FUNCTION).measure)


sys.modules[__name__].__class__ = _Callable
