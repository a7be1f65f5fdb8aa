"""`@task` turns a user's function that draws examples into a task: timed in every phase, and learned in `converge`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Generator, Tensor

from rnnbench.case import Case
from rnnbench.errors import BadPlugin, UnknownName
from rnnbench.tasks import _kinds
from rnnbench.tasks._kinds import IGNORE, Kind
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split, seeded

SIZES = (2_000, 500, 1_000)
KINDS: dict[str, Kind] = {
    "regression": _kinds.REGRESSION,
    "classification": _kinds.CLASSIFICATION,
    "tagging": _kinds.TAGGING,
    "sequence": _kinds.SEQUENCE,
    "modelling": _kinds.MODELLING,
}
"""Loss, quality, and where the network's output counts: once after the last step, or at every step."""

Draw = Callable[[int, int, Generator], tuple[Tensor, ...]]
Trivial = Callable[[Tensor, Tensor], float]


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples drawn together: x is (count, seq_len, features) or (count, seq_len) of token ids, y is (count, …). `tokens` is the number
    of time steps without padding."""

    x: Tensor
    y: Tensor
    tokens: int


@dataclass(frozen=True, slots=True)
class OwnTask:
    """A task made by `@task`. `draw(count, seq_len, generator)` returns examples."""

    problem: Problem
    draw: Callable[[int, int, Generator], Examples]
    outputs: int
    vocabulary: int

    def data(self, examples: Examples) -> Data:
        """The facts that a network for these examples needs about its data."""
        split = Split(examples.x, examples.y)
        return Data(split, split, split, outputs=self.outputs, trivial=0.0, vocabulary=self.vocabulary)


OWN_TASKS: dict[str, OwnTask] = {}


def task(
    *,
    kind: str | Kind,
    outputs: int,
    target: float,
    vocabulary: int = 0,
    trivial: Trivial | None = None,
    sizes: tuple[int, int, int] = SIZES,
    recipe: Recipe | None = None,
    name: str | None = None,
) -> Callable[[Draw], Draw]:
    """Register `draw(count, seq_len, generator)` as a task, under its own name or `name`.

    It returns x and y, or x, y and lengths. x is (count, seq_len, features) of floats, or (count, seq_len) of token ids below
    `vocabulary`. y is (count,) of labels or (count, outputs) of floats if the network answers once, after the last step, and
    (count, seq_len) of labels if it answers at every step; a label of IGNORE (-100) counts neither in the loss nor in the quality.
    `lengths` is (count,): the steps of each sequence that are not padding, which is what tokens per second counts. If the
    network answers once, padding goes in front, so that the last step is not padding.

    `kind` is one of regression, classification, tagging, sequence, modelling, or a Kind with a loss and a score of your own. `outputs` are
    the numbers of an answer: classes, or values. A network must reach `target` on held-out examples, and the target should be better than
    `trivial(train_y, test_y)`, the quality of a predictor that needs no network; default: the commonest label, or the mean.
    `sizes` are the numbers of examples to train, validate and test on.
    """
    found = _kind(kind)

    def register(draw: Draw) -> Draw:
        known = name or draw.__name__
        doc = (draw.__doc__ or "").strip()
        guess = trivial or _trivial_of(known, found)
        words = ((guess.__doc__ or guess.__name__).strip().splitlines() or [""])[0]
        drawn = partial(_drawn, known, draw)

        def make(case: Case) -> Data:
            generator = seeded()
            train, validation, test = (_split(drawn(size, case.seq_len, generator)) for size in sizes)
            return Data(train, validation, test, outputs=outputs, trivial=guess(train.y, test.y), vocabulary=vocabulary)

        about = doc.splitlines()[0] if doc else "a task of your own"
        given = {"recipe": recipe} if recipe is not None else {}
        problem = Problem(name=known, about=about, kind=found, target=target, trivial=words, make=make, **given)
        PROBLEMS.add(known, problem)
        OWN_TASKS[known] = OwnTask(problem, drawn, outputs, vocabulary)
        return draw

    return register


def commonest(train: Tensor, test: Tensor) -> float:
    """always the commonest label"""
    labels = train[train != IGNORE]
    judged = test != IGNORE
    return float((test[judged] == labels.flatten().mode().values).float().mean())


def mean(train: Tensor, test: Tensor) -> float:
    """always the mean"""
    return float((test - train.mean(0)).square().mean())


def _drawn(name: str, draw: Draw, count: int, seq_len: int, generator: Generator) -> Examples:
    """Draw examples with a user's function. Raises ValueError if their shapes do not match."""
    found: Any = draw(count, seq_len, generator)
    if not isinstance(found, tuple) or len(found) not in (2, 3) or not all(isinstance(one, Tensor) for one in found):
        raise ValueError(f"task {name!r} drew {type(found).__name__}; wanted tensors (x, y) or (x, y, lengths)")
    x, y = found[:2]
    if x.dim() not in (2, 3) or x.shape[:2] != (count, seq_len) or len(y) != count:
        shapes = f"x {tuple(x.shape)}, y {tuple(y.shape)}"
        raise ValueError(f"task {name!r} drew {shapes}; wanted x ({count}, {seq_len}[, features]) and y ({count}, …)")
    tokens = int(found[2].sum()) if len(found) == 3 else count * seq_len
    return Examples(x, y, tokens)


def _split(examples: Examples) -> Split:
    return Split(examples.x, examples.y)


def _kind(kind: str | Kind) -> Kind:
    if isinstance(kind, Kind):
        return kind
    if kind not in KINDS:
        raise UnknownName("kind of task", kind, KINDS)
    return KINDS[kind]


def _trivial_of(name: str, kind: Kind) -> Trivial:
    """The kind's default predictor that needs no network. Raises BadPlugin if it has none."""
    if kind is _kinds.REGRESSION:
        return mean
    if kind in (_kinds.CLASSIFICATION, _kinds.TAGGING):
        return commonest
    raise BadPlugin(name, "give trivial=, a function of (train_y, test_y): the quality of a predictor that needs no network")
