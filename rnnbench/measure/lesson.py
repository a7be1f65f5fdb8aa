"""Distillation: a student learns from what a trained teacher answers, beside the labels. (arXiv 1503.02531)

The teacher is another case of the same task. It is trained once and kept: in this process, and under the run by a digest of all that
it follows from.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, mse_loss

from rnnbench import __version__
from rnnbench.case import Case
from rnnbench.measure.teaching import Loss
from rnnbench.tasks import Problem

TEMPERATURE = 3.0
SHARE = 0.7  # of the loss that is the teacher's; the rest is the labels'

Weights = dict[str, Tensor]
_KEPT: dict[str, Weights] = {}


def teacher_of(student: Case, differs: Mapping[str, Any]) -> Case:
    """The case whose network teaches: the student's own but for `differs`, of one seed for every student."""
    return Case.from_dict({**student.as_dict(), "distilled": False, "seed": 0, **differs})


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


def distilling(own: Loss, outputs: int, *, labels: bool) -> Loss:
    """The loss against y = (the labels, the teacher's answers): temperature T softens both answers, T² keeps the gradient's size.
    Where answers are numbers, the teacher's stand for labels as they are."""

    def loss(answers: Tensor, y: tuple[Tensor, Tensor]) -> Tensor:
        truth, taught = y
        if labels:
            mine, its = (log_softmax(one.reshape(-1, outputs) / TEMPERATURE, -1) for one in (answers, taught))
            theirs = kl_div(mine, its, reduction="batchmean", log_target=True) * TEMPERATURE**2
        else:
            theirs = mse_loss(answers, taught)
        return SHARE * theirs + (1 - SHARE) * own(answers, truth)

    return loss  # type: ignore[return-value]
