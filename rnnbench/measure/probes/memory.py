"""The memory of a step: exact bytes from the tensors themselves, and the peak of the resident set."""

import re
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import psutil
import torch
from torch import Tensor, nn


def gradient_bytes(model: nn.Module) -> int:
    """Storage of the current gradients."""
    return sum(p.grad.nbytes for p in model.parameters() if p.grad is not None)


class _Kept:
    """A tensor in the graph, freed together with its node."""

    __slots__ = ("__weakref__", "tensor")

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


def kept_storages(forward: Callable[[], object], model: nn.Module) -> dict[int, int]:
    """Bytes of each storage that autograd keeps for the backward pass of `forward()`, without parameters and buffers.

    Exact on any device, including meta tensors. The input is included if autograd keeps it, and so are autocast's low-precision copies of
    weights. A branch that leads to no result is freed before the backward pass and not included.
    """
    own = {_storage(one) for one in (*model.parameters(), *model.buffers()) if not isinstance(one, nn.UninitializedParameter)}
    alive: list[weakref.ref[_Kept]] = []

    def keep(tensor: Tensor) -> _Kept:
        kept = _Kept(tensor.detach())  # the tensor itself would reference its own graph, a cycle that is never collected
        if _storage(tensor) not in own:
            alive.append(weakref.ref(kept))
        return kept

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept.tensor):
        result = forward()  # keeps the graph
        found = [kept.tensor for one in alive if (kept := one()) is not None]
        del result
    return {_storage(tensor): tensor.untyped_storage().nbytes() for tensor in found}


def activation_bytes(forward: Callable[[], object], model: nn.Module) -> int:
    """The sum of `kept_storages`."""
    return sum(kept_storages(forward, model).values())


def bytes_among(storages: Mapping[int, int], tensors: Iterable[Tensor]) -> int:
    """The bytes of those storages that the tensors use."""
    return sum(storages.get(key, 0) for key in {_storage(tensor) for tensor in tensors})


def _storage(tensor: Tensor) -> int:
    """An id of a tensor's storage; data_ptr() would be 0 for every meta tensor."""
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001 - torch's own serialisation identifies storages by it


class ResidentPeak:
    """Growth of this process's resident memory, for devices without their own counter.

    `ru_maxrss` never falls, so the kernel's high-water mark is reset instead (Linux: 5 into /proc/self/clear_refs).
    """

    METRIC = "peak_rss_growth_bytes"
    _STATUS = Path("/proc/self/status")
    _CLEAR = Path("/proc/self/clear_refs")

    def __init__(self) -> None:
        """Remember the resident memory before the model is built."""
        self._before = psutil.Process().memory_info().rss
        self._why_not = ""

    def reset(self) -> None:
        """Start a new high-water mark."""
        try:
            self._CLEAR.write_text("5", encoding="ascii")
        except OSError as error:
            self._why_not = f"the kernel's high-water mark cannot be reset here ({error.strerror or error})"

    def growth_bytes(self) -> int:
        """High-water mark since the reset minus the memory before the model. Raises LookupError, with the reason, if there is none."""
        if self._why_not:
            raise LookupError(self._why_not)
        mark = re.search(r"VmHWM:\s+(\d+) kB", self._STATUS.read_text(encoding="ascii"))
        if not mark:
            raise LookupError("the kernel states no high-water mark (VmHWM)")
        return max(0, int(mark[1]) * 1024 - self._before)
