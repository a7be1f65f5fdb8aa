"""Distillation: a student learns from a trained teacher's outputs as well as from the labels.

Its hidden states may be matched beside its answers, through a linear map. (arXiv 1412.6550)

The teacher is another case of the same task. It is trained once and kept: in this process, and under the run by a digest of all that
it follows from.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, log_softmax, mse_loss

from rnnbench import __version__
from rnnbench.case import AXES, TAUGHT, Case
from rnnbench.measure.learn.learner import Learner
from rnnbench.measure.learn.trainer import Loss
from rnnbench.tasks import Problem

AT_ONCE = 512  # sequences
Weights = dict[str, Tensor]
_KEPT: dict[str, Weights] = {}


def teacher_of(student: Case, differs: Mapping[str, Any]) -> Case:
    """The case whose network teaches: the student's own but for `differs`, of one seed and in fp32 for every student."""
    own = {name: AXES[name].default for name in (*TAUGHT, "precision", "seed")}
    return Case.from_dict({**student.as_dict(), **own, **differs})


def digest(teacher: Case, problem: Problem) -> str:
    """Of everything that a teacher's weights follow from."""
    case = {name: value for name, value in teacher.as_dict().items() if name != "suite"}
    recipe = asdict(problem.recipe)
    told = json.dumps([__version__, torch.__version__, torch.get_num_threads(), case, recipe, problem.target], sort_keys=True)
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


def kept(teacher: Case, problem: Problem, folder: Path | None, train: Callable[[], Weights]) -> Weights:
    """The teacher's weights: from this process, from `folder`, or trained now and kept in both."""
    name = digest(teacher, problem)
    if name in _KEPT:
        return _KEPT[name]
    path = folder / f"{name}.pt" if folder else None
    if path is not None and path.is_file():
        weights: Weights = torch.load(path, weights_only=True)
    else:
        weights = {key: value.cpu() for key, value in train().items()}
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = path.with_suffix(f".{os.getpid()}")
            torch.save(weights, whole)
            whole.replace(path)
    _KEPT[name] = weights
    return weights


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a teacher says of each training sequence: answers (n, …) and, where they are matched, hidden states (n, seq_len, width)."""

    answers: Tensor
    hidden: Tensor | None = None

    def of(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """Of some sequences."""
        return self.answers[rows], None if self.hidden is None else self.hidden[rows]


def lessons(teacher: Learner, x: Tensor, *, with_hidden: bool) -> Lessons:
    """Of every sequence of x, in the teacher's own precision."""
    answers, hidden = [], []
    with torch.no_grad():
        for some in x.split(AT_ONCE):
            states = teacher.hidden(some)
            answers.append(teacher.answers(states))
            if with_hidden:
                hidden.append(states.transpose(0, 1))
    return Lessons(torch.cat(answers), torch.cat(hidden) if hidden else None)


class Matching(nn.Module):
    """A student whose hidden states are mapped to a teacher's: x → (answers, (batch, seq_len, width of the teacher))."""

    def __init__(self, student: Learner, width: int) -> None:
        super().__init__()
        self.student = student
        self.map = nn.Linear(student.head.in_features, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both."""
        states = self.student.hidden(x)
        return self.student.answers(states), self.map(states).transpose(0, 1).float()


def distilling(own: Loss, case: Case, outputs: int, *, labels: bool) -> Callable[[Any, Any], Tensor]:
    """The loss against y = (the labels, the teacher's answers and hidden states).

    Temperature T softens both answers, T² keeps the gradient's size; where answers are numbers, the teacher's stand for labels as they
    are. Hidden states add their mean squared error ÷ the variance of the teacher's.
    """
    softness, share = case.temperature, case.teacher_share

    def loss(said: Any, y: tuple[Tensor, tuple[Tensor, Tensor | None]]) -> Tensor:
        truth, (taught, states) = y
        answers = said if states is None else said[0]
        if labels:
            mine, its = (log_softmax(one.reshape(-1, outputs) / softness, -1) for one in (answers, taught))
            theirs = kl_div(mine, its, reduction="batchmean", log_target=True) * softness**2
        else:
            theirs = mse_loss(answers, taught)
        total = share * theirs + (1 - share) * own(answers, truth)
        return total if states is None else total + mse_loss(said[1], states) / states.var()

    return loss
