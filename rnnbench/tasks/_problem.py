"""A learnable Problem: its splits, its target, and the trivial predictor that the target must beat."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.registry import Registry

if TYPE_CHECKING:
    from rnnbench.tasks._kinds import Kind

SPLIT_SEED = 20261123  # the held-out examples are the same for every seed of a case: seeds change only weights and order


@dataclass(frozen=True, slots=True)
class Split:
    """Examples on the CPU: `x` is (n, seq_len, features) of floats or (n, seq_len) of tokens, `y` is (n, …). `unit` times the mean
    score is the quality."""

    x: Tensor
    y: Tensor
    unit: float = 1.0

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, slots=True)
class Data:
    """Three splits without common examples. `outputs` is the size of an output; `vocabulary` is 0 if `x` holds floats; `trivial` is
    the trivial predictor's quality on the test split."""

    train: Split
    validation: Split
    test: Split
    outputs: int
    trivial: float
    vocabulary: int = 0

    @property
    def features(self) -> int:
        """Features per time step; 1 for tokens."""
        return self.train.x.shape[2] if self.vocabulary == 0 else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a problem is trained unless the case says otherwise. The learning rate rises over `warmup_steps`."""

    lr: float = 1e-2
    optimizer: str = "adamw"
    schedule: str = "constant"
    warmup_steps: int = 20
    max_steps: int = 1000
    eval_every: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to learn. `make(case)` returns the data for the case's seq_len, the same for every seed."""

    name: str
    about: str
    kind: "Kind"
    target: float
    trivial: str
    make: Callable[[Case], Data]
    recipe: Recipe = Recipe()


PROBLEMS: Registry[Problem] = Registry("task to learn", "rnnbench.tasks")


def seeded() -> Generator:
    """The random generator for making and splitting data."""
    return torch.Generator().manual_seed(SPLIT_SEED)


def synthetic(
    case: Case, make: Callable[[int, int, Generator], tuple[Tensor, Tensor]], sizes: tuple[int, int, int]
) -> tuple[Split, Split, Split]:
    """Train, validation and test split of `make(count, seq_len, generator)`, drawn one after another."""
    generator = seeded()
    train, validation, test = (Split(*make(size, case.seq_len, generator)) for size in sizes)
    return train, validation, test


def fixed_length(case: Case, name: str, seq_len: int) -> None:
    """Raise Unsupported if the case's seq_len is not the data's only length."""
    if case.seq_len != seq_len:
        raise Unsupported(f"{name} has {seq_len} time steps, not {case.seq_len}: use --set seq_len={seq_len}")


def least_length(case: Case, name: str, least: int) -> None:
    """Raise Unsupported if the case's seq_len is too short for the problem."""
    if case.seq_len < least:
        raise Unsupported(f"{name} needs {least} time steps or more, not {case.seq_len}")


def commonest_share(train: Tensor, test: Tensor) -> float:
    """Accuracy on `test` of always answering the commonest label of `train`."""
    return float((test == train.flatten().mode().values).float().mean())
