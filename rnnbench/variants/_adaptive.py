"""Shared by networks whose depth depends on their input: the depth they took, and the penalty that it adds to the loss."""

from collections.abc import Sequence
from statistics import fmean

from torch import Tensor, nn


class Adaptive(nn.Module):
    """After each forward pass: `mean_depth`, the mean number of steps or layers taken; `cost`, a scalar to add to the loss; `run_depth`.

    `run_depth` is the number of steps or layers that were computed per input, including those whose result has weight 0. FLOPs are
    counted by it.
    """

    mean_depth: Tensor
    cost: Tensor
    run_depth: Tensor


def adaptive_of(model: nn.Module) -> tuple[Adaptive, ...]:
    """The modules of a model that choose their depth."""
    return tuple(part for part in model.modules() if isinstance(part, Adaptive))


def run_depth(parts: Sequence[Adaptive]) -> float | None:
    """`run_depth` of the last forward pass, averaged over the modules. None if there are none."""
    return fmean(float(part.run_depth) for part in parts) if parts else None


def penalty(parts: Sequence[Adaptive], loss: Tensor) -> Tensor:
    """The loss plus the cost of each module."""
    for part in parts:
        loss = loss + part.cost
    return loss


def depth_metrics(parts: Sequence[Adaptive]) -> dict[str, float]:
    """The metrics of the last forward pass; empty if no module chooses its depth."""
    values = [(float(part.mean_depth.detach()), float(part.cost.detach())) for part in parts if hasattr(part, "mean_depth")]
    if not values:
        return {}
    depths, costs = zip(*values, strict=True)
    return {"mean_depth": fmean(depths), "ponder_cost": fmean(costs)}
