"""What a step holds: exact bytes from the tensors themselves, and the peak of the resident set."""

import re
from collections.abc import Callable
from pathlib import Path

import psutil
import torch
from torch import Tensor, nn


def parameter_bytes(model: nn.Module) -> int:
    """Storage of the trainable parameters."""
    return sum(p.nbytes for p in model.parameters() if p.requires_grad)


def gradient_bytes(model: nn.Module) -> int:
    """Storage of the gradients that are there now."""
    return sum(p.grad.nbytes for p in model.parameters() if p.grad is not None)


def activation_bytes(forward: Callable[[], object], model: nn.Module) -> int:
    """Bytes that autograd keeps for the backward pass of `forward()`: each storage once, parameters left out.

    Exact on any device, meta tensors too. The input counts where autograd keeps it; so do autocast's lower copies of weights.
    """
    own = {_storage(p) for p in (*model.parameters(), *model.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}  # holding each storage keeps its identity from being used again

    def keep(tensor: Tensor) -> Tensor:
        if _storage(tensor) not in own:
            kept.setdefault(_storage(tensor), tensor.untyped_storage())
        return tensor.detach()  # the tensor itself would hold its own graph, and no collector would ever free the two

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        forward()
        return sum(storage.nbytes() for storage in kept.values())


def _storage(tensor: Tensor) -> int:
    """Which storage a tensor looks at; data_ptr() would be 0 for every meta tensor."""
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001 - torch's own serialisation tells storages apart by it


class ResidentPeak:
    """Growth of this process's resident memory, for devices that keep no count of their own.

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
        """High-water mark since the reset, less the memory before the model. Raises LookupError with why there is none."""
        if self._why_not:
            raise LookupError(self._why_not)
        mark = re.search(r"VmHWM:\s+(\d+) kB", self._STATUS.read_text(encoding="ascii"))
        if not mark:
            raise LookupError("the kernel states no high-water mark (VmHWM)")
        return max(0, int(mark[1]) * 1024 - self._before)
