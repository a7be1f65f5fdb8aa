"""What networks share whose depth depends on what they read: how deep they went, and what that adds to the loss."""

from collections.abc import Sequence
from statistics import fmean

from torch import Tensor, nn


class Adaptive(nn.Module):
    """After each forward pass: `mean_depth`, of the steps or layers that were taken, `cost`, a scalar to add to the loss, and `run_depth`.

    That is how many steps or layers the machine ran for an input, those included whose result has no weight. FLOPs are counted by it.
    """

    mean_depth: Tensor
    cost: Tensor
    run_depth: Tensor


def adaptive_of(model: nn.Module) -> tuple[Adaptive, ...]:
    """The parts of a model that choose their depth."""
    return tuple(part for part in model.modules() if isinstance(part, Adaptive))


def run_depth(parts: Sequence[Adaptive]) -> float | None:
    """Of the last forward pass, the mean over the parts; none where no part chooses its depth."""
    return fmean(float(part.run_depth) for part in parts) if parts else None


def penalty(parts: Sequence[Adaptive], loss: Tensor) -> Tensor:
    """The loss and what each part adds to it."""
    for part in parts:
        loss = loss + part.cost
    return loss


def depth_metrics(parts: Sequence[Adaptive]) -> dict[str, float]:
    """Of the last forward pass; nothing where no part chooses its depth."""
    told = [(float(part.mean_depth.detach()), float(part.cost.detach())) for part in parts if hasattr(part, "mean_depth")]
    if not told:
        return {}
    depths, costs = zip(*told, strict=True)
    return {"mean_depth": fmean(depths), "ponder_cost": fmean(costs)}
