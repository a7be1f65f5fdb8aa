"""Shared by all kinds of own data: the splits and the recipe."""

from collections.abc import Callable
from itertools import pairwise

from rnnbench.case import Case
from rnnbench.tasks._kinds import Kind
from rnnbench.tasks._problem import Data, Problem, Recipe

TRAIN, VALIDATION = 0.8, 0.1  # the rest is the test split
PARTS = ("training", "validation", "test")


def bounds(count: int) -> list[tuple[int, int]]:
    """Begin and end of the three splits of `count` examples."""
    ends = [0, int(TRAIN * count), int((TRAIN + VALIDATION) * count), count]
    return list(pairwise(ends))


def problem(name: str, about: str, kind: Kind, target: float, trivial: str, make: Callable[[Case], Data]) -> Problem:
    """A problem with the recipe of own data."""
    recipe = Recipe(lr=5e-3, max_steps=1500, eval_every=50)
    return Problem(name=name, about=about, kind=kind, target=target, trivial=trivial, make=make, recipe=recipe)
