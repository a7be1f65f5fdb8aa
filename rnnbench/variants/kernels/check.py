"""Whether kernels work on a device, tested once per process: Triton may lack a C compiler for its launchers, or the driver is too old."""

from functools import cache

import torch
from torch import Tensor

SHAPE = (5, 2, 3)  # steps, sequences, channels
TOLERANCE = 1e-4


@cache
def trouble(device: str) -> str:
    """Why kernels do not work on a device; empty if a recurrence and its gradients agree with those of the loop."""
    try:
        wrong = _distance(torch.device(device))
    except Exception as error:  # noqa: BLE001 - on any error of a compiler, a driver or Triton, the plain form runs
        return f"a trial of Triton's kernels raised {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return "" if wrong <= TOLERANCE else f"a trial of Triton's kernels was off by {wrong:.1e}"


def _distance(device: torch.device) -> float:
    """The largest difference of outputs and gradients from those of the loop under autograd; coefficients are below 1."""
    from rnnbench.variants.kernels.linear import recurrence

    drawn = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0)).to(device)
    found = []
    with torch.enable_grad(), torch.autocast(device.type, enabled=False):
        for way in (_loop, lambda a, b: recurrence("given", b, a)):
            a, b = drawn[0].clone().requires_grad_(), drawn[1].clone().requires_grad_()
            h = way(a, b)
            found.append([h.detach(), *torch.autograd.grad(h, (a, b), drawn[2])])
    return max(float((one - other).abs().max()) for one, other in zip(*found, strict=True))


def _loop(a: Tensor, b: Tensor) -> Tensor:
    h = [b[0]]
    for a_t, b_t in zip(a[1:], b[1:], strict=True):
        h.append(a_t * h[-1] + b_t)
    return torch.stack(h)
