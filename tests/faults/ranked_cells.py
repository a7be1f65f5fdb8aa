"""Variants of which one rank fails, for real: a plugin."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from rnnbench import variant
from rnnbench.case import Case


class Ranked(nn.Module):
    """One linear layer; `fault()` runs at the third step of the rank that it is for."""

    def __init__(self, case: Case, fault: Callable[[], object], ranks: tuple[str, ...], *, backward: bool = False) -> None:
        super().__init__()
        self.layer = nn.Linear(case.input_size, case.hidden_size)
        self.fault, self.backward = fault, backward
        self.left = 4 if os.environ.get("RANK") in ranks else 0
        if pids := os.environ.get("RNNBENCH_TEST_PIDS"):
            with Path(pids).open("a") as file:
                file.write(f"{os.getpid()}\n")

    def forward(self, x: Tensor) -> Tensor:
        self.left -= 1
        if self.left == 0 and not self.backward:
            self.fault()
        out = self.layer(x)
        if self.left == 0 and out.requires_grad:
            out.register_hook(lambda _: self.fault())
        return out


def hang() -> None:
    while True:
        time.sleep(1)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def raises() -> None:
    raise ValueError("the cell is out of sorts")


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


FAULTS: dict[str, tuple[Callable[[], object], tuple[str, ...], bool]] = {
    "dies": (kill, ("1",), False),
    "first_dies": (kill, ("0",), False),
    "exits": (lambda: os._exit(7), ("1",), False),
    "raises": (raises, ("1",), False),
    "raises_everywhere": (raises, ("0", "1"), False),
    "hangs": (hang, ("1",), False),
    "hangs_backward": (hang, ("1",), True),
    "stops": (stop, ("1",), False),
}

for name, (fault, ranks, backward) in FAULTS.items():

    def build(case: Case, fault=fault, ranks=ranks, backward=backward) -> nn.Module:
        """Fails in one way."""
        return Ranked(case, fault, ranks, backward=backward)

    build.__name__ = name
    variant(implementations=("fused",), source="none: made for this test")(build)

__all__ = ["torch"]
