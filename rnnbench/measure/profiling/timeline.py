"""What a step holds while it runs, by category: live storages looked at after its operators, a few hundred times.

Every tensor that an operator gives is known by its storage until that is freed. What a fused kernel takes and gives back within itself
is not seen: on CUDA the allocator's own history has it.
"""

import gzip
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from rnnbench.measure.probes import operators
from rnnbench.measure.train_step import TrainStep
from rnnbench.measure.workload import Workload

LOOKS = 300  # in a step
CATEGORIES = ("parameters", "optimizer", "batches", "gradients", "activations")
HISTORY = 100_000  # events of CUDA's allocator


class _Watcher(TorchDispatchMode):
    """Notes the storages that operators give, and every so many operators which are still there."""

    def __init__(self, every: int, look: Callable[[], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live: dict[int, tuple[StorageWeakRef, int]] = {}
        self.count = 0
        self._every, self._look = every, look

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = func(*args, **(kwargs or {}))
        self.note(tensor for tensor in torch.utils._pytree.tree_leaves(given) if isinstance(tensor, Tensor))  # noqa: SLF001
        self.count += 1
        if self.count % self._every == 0:
            self._look()
        return given

    def note(self, tensors: Iterable[Tensor]) -> None:
        """These are there now."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            found = StorageWeakRef(storage)
            self.live[found.cdata] = found, storage.nbytes()

    def forget(self) -> None:
        """Those that are gone are there no more."""
        self.live = {key: pair for key, pair in self.live.items() if not pair[0].expired()}


def timeline(work: Workload) -> dict[str, Any]:
    """Bytes by category over one train step: `marks` are the operators at which its parts begin, `rows` (operators so far, one figure for
    each category). Whatever has no other name is an activation. Empty where there is no train step."""
    if work.train is None:
        return {}
    train, rows = work.train, []
    watcher = _Watcher(max(1, operators.count(work.step) // LOOKS), lambda: rows.append(_row(work, train, watcher)))
    for tensors in _named(work, train).values():
        watcher.note(tensors)
    marks: list[tuple[int, str]] = []
    work.next_batch()
    for name, part in train.parts:
        marks.append((watcher.count, name.removesuffix("_s")))
        with watcher:
            part()
        rows.append(_row(work, train, watcher))
    return {"categories": CATEGORIES, "marks": marks, "rows": rows}


def _named(work: Workload, train: TrainStep) -> dict[str, list[Tensor]]:
    """What has a name other than activation, by category."""
    return {
        "parameters": [*work.model.parameters(), *work.model.buffers()],
        "optimizer": train.state_tensors(),
        "batches": work.batch_tensors(),
        "gradients": [weight.grad for weight in work.model.parameters() if weight.grad is not None],
    }


def _row(work: Workload, train: TrainStep, watcher: _Watcher) -> tuple[int, ...]:
    watcher.forget()
    left, found = {key: size for key, (_, size) in watcher.live.items()}, []
    for tensors in _named(work, train).values():
        own = {StorageWeakRef(tensor.untyped_storage()).cdata: tensor.untyped_storage().nbytes() for tensor in tensors}
        found.append(sum(own.values()))
        for key in own:
            left.pop(key, None)
    return watcher.count, *found, sum(left.values())


def snapshot(work: Workload, path: Path) -> bool:
    """One step under CUDA's allocator history, for pytorch.org/memory_viz; False elsewhere."""
    if work.device.torch.type != "cuda":
        return False
    torch.cuda.memory._record_memory_history(max_entries=HISTORY)  # noqa: SLF001 - torch's documented way has no public name
    try:
        work.step()
        work.device.synchronize()
        with gzip.open(path, "wb") as file:
            pickle.dump(torch.cuda.memory._snapshot(), file)  # noqa: SLF001
    finally:
        torch.cuda.memory._record_memory_history(enabled=None)  # noqa: SLF001
    return True
