"""Registration: torch has one place for a device that it does not know, and it can be taken once a process."""

from collections.abc import Callable
from typing import Any

import torch
import torch.utils.backend_registration as backends
from torch.optim.optimizer import _foreach_supported_types as _in_optimizers
from torch.utils._foreach_utils import _foreach_supported_types as _in_clipping

from tests.toy import autocast, engine, module
from tests.toy.tensor import ToyTensor, run

_PEAKS = ("max_memory_allocated", "max_memory_reserved", "reset_peak_memory_stats")
_ACCELERATOR = ("synchronize", "current_stream", "memory_allocated", "memory_reserved", "memory_stats", "empty_cache", *_PEAKS)
_LIBRARIES: list[torch.library.Library] = []  # rules live as long as these do


def _arange(make: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """torch makes an empty tensor for arange and resizes it, which a wrapper around CPU data cannot be: made there, then sent."""

    def arange(*args: Any, device: Any = None, **kwargs: Any) -> torch.Tensor:
        there = device is not None and torch.device(device).type == "toy"
        return make(*args, **kwargs).to(device) if there else make(*args, device=device, **kwargs)

    return arange


def register() -> None:
    """Make `toy` a device of this process; a second call changes nothing."""
    if hasattr(torch, "toy"):
        return
    backends._setup_privateuseone_for_python_backend("toy", backend_module=module, device_guard=engine.Guard())
    factories = torch.library.Library("_", "IMPL")
    factories.fallback(lambda op, *args, **kwargs: run(op, args, kwargs), "PrivateUse1")
    copy = torch.library.Library("aten", "IMPL")  # torch.tensor(…, device="toy") copies past __torch_dispatch__, where the fallback fails
    copy.impl("copy_", lambda *args, **kwargs: run(torch.ops.aten.copy_.default, args, kwargs), "PrivateUse1")
    _LIBRARIES.extend((factories, copy, *autocast.install()))
    engine.install()
    torch.arange = _arange(torch.arange)
    for types in (_in_optimizers, _in_clipping):
        types.append(ToyTensor)  # optimizers and clipping take the path that they take on CUDA
    for name in _ACCELERATOR:  # torch.accelerator asks C++, which knows no toy
        setattr(torch.accelerator, name, getattr(module, name))
