"""Measuring one case from start to finish. `rnnbench.measure(model, batch)` calls this package: see `rnnbench.interactive.measure`."""

import inspect
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_FUNCTION = "rnnbench.interactive"  # imported late: it is a higher layer and needs torch


class _Callable(ModuleType):
    """A package that can be called like the function of the same name, since `import rnnbench.measure.x` binds the name to the package."""

    def __call__(self, *args: Any, **named: Any) -> Any:
        """rnnbench.interactive.measure."""
        return import_module(_FUNCTION).measure(*args, **named)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(import_module(_FUNCTION).measure)


sys.modules[__name__].__class__ = _Callable
