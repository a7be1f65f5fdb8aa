"""Errors inside backward. Autograd runs it on a thread of its own, from which torch's Python device guard lets no Python error out alive:
its destructor asks `type_` while the error is still set, that counts as a failure of `type_`, and the process is aborted.
So the error is kept here, `type_` clears it, and backward raises it again where the caller waits.
"""

import ctypes
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
import torch.utils.backend_registration as backends

_errors: list[BaseException] = []
_clear = ctypes.pythonapi.PyErr_Clear
_clear.restype = None


class Guard(backends._DummyDeviceGuard):
    """Answers though an error is set."""

    def type_(self):
        _clear()
        return torch._C._autograd.DeviceType.PrivateUse1


def remember(error: BaseException) -> None:
    """An operator failed. Outside of backward, the error needs no help."""
    if torch._C._current_graph_task_id() != -1:
        _errors.append(error)


def install() -> None:
    torch.autograd._engine_run_backward = _reraising(torch.autograd._engine_run_backward)


def _reraising(run_backward: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(run_backward)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return run_backward(*args, **kwargs)
        except SystemError:  # "returned NULL without setting an exception"
            if not _errors:
                raise
            raise _errors.pop() from None
        finally:
            _errors.clear()  # an error keeps frames, and with them tensors, alive

    return run
