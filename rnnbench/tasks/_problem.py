"""What can be learned: a Problem with its splits, its target, and the trivial predictor that the target must beat."""

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

SPLIT_SEED = 20261123  # which examples are held out is the same for every seed of a case: seeds differ in weights and order alone


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
    """Three splits that share no example. `outputs` are the numbers of an answer; `vocabulary` is 0 where `x` are floats; `trivial` is
    the quality on the test split of what needs no network."""

    train: Split
    validation: Split
    test: Split
    outputs: int
    trivial: float
    vocabulary: int = 0

    @property
    def features(self) -> int:
        """Numbers of a time step; 1 where it is a token."""
        return self.train.x.shape[2] if self.vocabulary == 0 else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a problem is trained where the case does not say otherwise. The learning rate rises over `warmup_steps`."""

    lr: float = 1e-2
    optimizer: str = "adamw"
    schedule: str = "constant"
    warmup_steps: int = 20
    max_steps: int = 1000
    eval_every: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to learn. `make(case)` gives the data of the case's seq_len, the same for every seed."""

    name: str
    about: str
    kind: "Kind"
    target: float
    trivial: str
    make: Callable[[Case], Data]
    recipe: Recipe = Recipe()


PROBLEMS: Registry[Problem] = Registry("task to learn", "rnnbench.tasks")


def seeded() -> Generator:
    """What data are made and split with."""
    return torch.Generator().manual_seed(SPLIT_SEED)


def synthetic(
    case: Case, make: Callable[[int, int, Generator], tuple[Tensor, Tensor]], sizes: tuple[int, int, int]
) -> tuple[Split, Split, Split]:
    """Train, validation and test split of `make(count, seq_len, generator)`, drawn one after another."""
    generator = seeded()
    train, validation, test = (Split(*make(size, case.seq_len, generator)) for size in sizes)
    return train, validation, test


def fixed_length(case: Case, name: str, seq_len: int) -> None:
    """Raise Unsupported where data of one length are asked for in another."""
    if case.seq_len != seq_len:
        raise Unsupported(f"{name} has {seq_len} time steps, not {case.seq_len}: use --set seq_len={seq_len}")


def least_length(case: Case, name: str, least: int) -> None:
    """Raise Unsupported where a sequence is too short to pose the problem."""
    if case.seq_len < least:
        raise Unsupported(f"{name} needs {least} time steps or more, not {case.seq_len}")


def commonest_share(train: Tensor, test: Tensor) -> float:
    """Accuracy on `test` of always answering the commonest label of `train`."""
    return float((test == train.flatten().mode().values).float().mean())
