"""The linear recurrence h[t] = a[t] · h[t−1] + b[t] over dimension 0, from h[−1] = 0: step by step, in chunks, and by doubling."""

import math
from typing import Any

import torch
from torch import Tensor

from rnnbench.variants._passes import once, run

NARROW = {"cpu": 2048}  # up to this many numbers per step, a call costs more than its arithmetic (measured on a CPU)
NARROW_ELSEWHERE = 2**18  # an accelerator can move this many numbers in the microseconds of a launch
SHORT = 16  # sequences up to this length are not split into chunks


def linear_recurrence(a: Tensor, b: Tensor) -> Tensor:
    """a, b: (seq_len, …) → h: (seq_len, …). One pass forwards, and a similar pass backwards for the gradients."""
    return run(_Recurrence, a, b)


def scan(a: Tensor, b: Tensor) -> Tensor:
    """Choose by the size of a step: in chunks if a step is too small to justify a call. Keeps no graph."""
    return chunked(a, b) if _is_narrow(b) else by_steps(a, b)


def backwards(a: Tensor, dh: Tensor) -> Tensor:
    """g[t] = dh[t] + a[t+1] · g[t+1]: the full gradient of each step's h, from the gradient of the outputs. Keeps no graph."""
    if _is_narrow(dh):
        return chunked(a.roll(-1, 0).flip(0), dh.flip(0)).flip(0)
    g = torch.empty_like(dh)
    g[-1].copy_(dh[-1])
    every, factors, given = g.unbind(0), a.unbind(0), dh.unbind(0)
    for t in range(len(dh) - 2, -1, -1):
        torch.addcmul(given[t], factors[t + 1], every[t + 1], out=every[t])
    return g


def _is_narrow(b: Tensor) -> bool:
    return len(b) > SHORT and b[0].numel() <= NARROW.get(b.device.type, NARROW_ELSEWHERE)


def by_steps(a: Tensor, b: Tensor) -> Tensor:
    """seq_len calls, one per step."""
    h = torch.empty_like(b)
    h[0].copy_(b[0])
    every = h.unbind(0)
    for before, one, a_t, b_t in zip(every, every[1:], a.unbind(0)[1:], b.unbind(0)[1:], strict=False):
        torch.addcmul(b_t, a_t, before, out=one)
    return h


def chunked(a: Tensor, b: Tensor) -> Tensor:
    """About 3 √seq_len calls: all chunks at once from a zero state, then the true state from chunk to chunk, then its contribution."""
    steps = len(b)
    size = math.isqrt(steps)
    count = steps // size
    whole = count * size
    decay = a[:whole].reshape(count, size, *a.shape[1:]).clone()
    h = b[:whole].reshape(count, size, *b.shape[1:]).clone()
    for t in range(1, size):
        h[:, t].addcmul_(decay[:, t], h[:, t - 1])
        decay[:, t].mul_(decay[:, t - 1])
    for chunk in range(1, count):
        h[chunk, -1].addcmul_(decay[chunk, -1], h[chunk - 1, -1])
    h[1:, :-1].addcmul_(decay[1:, :-1], h[:-1, -1:])
    h = h.reshape(whole, *b.shape[1:])
    if whole == steps:
        return h
    rest = torch.cat((h[-1:], b[whole:]))
    return torch.cat((h, by_steps(a[whole - 1 :], rest)[1:]))


def doubling(a: Tensor, b: Tensor) -> Tensor:
    """log₂ seq_len passes over the whole sequence, each joining segments twice as long. Autograd computes the gradients."""
    reach = 1
    while reach < len(b):
        b = torch.cat((b[:reach], a[reach:] * b[:-reach] + b[reach:]))
        a = torch.cat((a[:reach], a[reach:] * a[:-reach]))
        reach *= 2
    return b


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        h = scan(a, b)
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    @once
    def backward(ctx: Any, dh: Tensor) -> tuple[Tensor, Tensor]:
        a, h = ctx.saved_tensors
        db = backwards(a, dh)
        da = torch.zeros_like(a)
        torch.mul(db[1:], h[:-1], out=da[1:])
        return da, db
