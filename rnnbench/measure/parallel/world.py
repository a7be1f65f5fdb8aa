"""The processes that train one model together under torchrun: the rank of this process, and how the ranks synchronise.

Rank 0 measures; the others repeat what it does. NCCL has not yet been run on a GPU.
"""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from rnnbench.case import Case
from rnnbench.device.devices import Device
from rnnbench.errors import Unsupported
from rnnbench.measure.parallel.progress_marks import mark, watched

BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}
_FOREVER = timedelta(days=1)  # a supervisor ends a hang at the case's own time limit, so torch's limit must not apply


@dataclass(frozen=True, slots=True)
class Place:
    """The rank of this process and the number of processes; `local` and `local_size` count on this machine only."""

    rank: int
    size: int
    local: int
    local_size: int


def place() -> Place | None:
    """This process's place, from torchrun's environment variables. None if torchrun did not start it."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    return Place(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))


def own_device(name: str) -> Device:
    """The device of this process: with several GPUs, the one of its local rank."""
    here = place()
    if here is None or name != "cuda":
        return Device(name)
    torch.cuda.set_device(here.local)
    return Device(f"cuda:{here.local}")


class World:
    """The processes of one case. All processes must call each method together."""

    def __init__(self, rank: int, ranks: list[int]) -> None:
        self.rank, self.size = rank, len(ranks)
        self.group = dist.new_group(ranks)
        self._talk = dist.new_group(ranks, backend="gloo")  # separate from the gradients, and never on a GPU
        self._word = torch.zeros(1, dtype=torch.int64)

    def order(self, what: int = 0) -> int:
        """Broadcast rank 0's `what`; all processes return it at the same time."""
        mark()
        self._word.fill_(what)
        dist.all_reduce(self._word, op=dist.ReduceOp.MAX, group=self._talk)
        return int(self._word.item())

    def alike(self, number: int) -> bool:
        """Whether all processes have the same number (64 bits, signed)."""
        ends = torch.tensor([number, ~number])  # the complement turns the largest into the smallest
        dist.all_reduce(ends, op=dist.ReduceOp.MAX, group=self._talk)
        return int(ends[0]) == ~int(ends[1])

    def leave(self) -> None:
        """Destroy the process groups."""
        for group in (self.group, self._talk):
            dist.destroy_process_group(group)


def join(case: Case, device: Device) -> World | None:
    """Join the other processes of a case. None if this process has no part in it. Raises Unsupported if there are too few processes."""
    here = place()
    if here is None or here.size < case.processes:
        many = "this is one process" if here is None else f"torchrun started {here.size}"
        raise Unsupported(f"{case.processes} processes are required, {many}: use rnnbench run, or torchrun --nproc-per-node")
    if not dist.is_initialized():
        dist.init_process_group(BACKENDS[device.torch.type], timeout=_FOREVER if watched() else None)
    world = World(here.rank, list(range(case.processes)))
    return world if here.rank < case.processes else None
