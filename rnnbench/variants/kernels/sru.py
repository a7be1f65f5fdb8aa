"""SRU's cells, gates and outputs in one kernel per direction. The gates depend on the cell, so time steps must run in order."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from rnnbench.variants._passes import once, run
from rnnbench.variants.kernels.launch import launching
from rnnbench.variants.kernels.linear import STAGES, blocks, wide


def recurrence(packed: Tensor, past: Tensor | None, v: Tensor, b: Tensor) -> Tensor:
    """packed: u, f, r and, if `past` is None, the highway's input: (seq_len, batch, 3 or 4 · size) → h (seq_len, batch, size).

    past: (seq_len, batch, size); v, b: (2, size), of the forget gate and the reset gate. h has the format of `packed`.
    """
    return run(_Recurrence, packed, past, v, b, torch.is_grad_enabled())


@triton.jit
def sru_forward(
    p, x, v, b, kept, y, steps, size, time_p, row_p, time_x, row_x, time_y,
    KEEP: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """f, r = σ(p + v c + b); c' = f c + (1 − f) u; y = r c' + (1 − r) x. kept: c'."""
    row, lane = tl.program_id(0), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = lane < size
    p += row * row_p + lane
    x += row * row_x + lane
    kept += row * size + lane
    y += row * size + lane
    vf, vr = tl.load(v + lane, mask=inside, other=0).to(WIDE), tl.load(v + size + lane, mask=inside, other=0).to(WIDE)
    bf, br = tl.load(b + lane, mask=inside, other=0).to(WIDE), tl.load(b + size + lane, mask=inside, other=0).to(WIDE)
    c = tl.zeros([BLOCK], WIDE)
    for _ in tl.range(0, steps, num_stages=STAGES):
        u = tl.load(p, mask=inside, other=0).to(WIDE)
        f = tl.sigmoid(tl.load(p + size, mask=inside, other=0).to(WIDE) + vf * c + bf)
        r = tl.sigmoid(tl.load(p + 2 * size, mask=inside, other=0).to(WIDE) + vr * c + br)
        past = tl.load(x, mask=inside, other=0).to(WIDE)
        c = u + f * (c - u)
        tl.store(y, past + r * (c - past), mask=inside)
        if KEEP:
            tl.store(kept, c, mask=inside)
        p += time_p
        x += time_x
        kept += time_y
        y += time_y


@triton.jit
def sru_backward(
    p, x, v, b, kept, dy, d_p, d_x, d_v, d_b, steps, size, time_p, row_p, time_x, row_x, time_y,
    WIDE: tl.constexpr, BLOCK: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """From the last step to the first, pointers at the last step. d_v, d_b: (batch, 2, size), each sequence's share."""
    row, lane = tl.program_id(0), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = lane < size
    p += row * row_p + lane
    d_p += row * row_p + lane
    x += row * row_x + lane
    d_x += row * row_x + lane
    kept += row * size + lane + time_y  # of the previous step
    dy += row * size + lane
    vf, vr = tl.load(v + lane, mask=inside, other=0).to(WIDE), tl.load(v + size + lane, mask=inside, other=0).to(WIDE)
    bf, br = tl.load(b + lane, mask=inside, other=0).to(WIDE), tl.load(b + size + lane, mask=inside, other=0).to(WIDE)
    zero = tl.zeros([BLOCK], WIDE)
    arriving, d_vf, d_vr, d_bf, d_br = zero, zero, zero, zero, zero
    for done in tl.range(0, steps, num_stages=STAGES):
        u = tl.load(p, mask=inside, other=0).to(WIDE)
        to_f = tl.load(p + size, mask=inside, other=0).to(WIDE)
        to_r = tl.load(p + 2 * size, mask=inside, other=0).to(WIDE)
        past = tl.load(x, mask=inside, other=0).to(WIDE)
        c = tl.load(kept, mask=inside & (done + 0 * lane < steps - 1), other=0).to(WIDE)
        d_h = tl.load(dy, mask=inside, other=0).to(WIDE)
        f, r = tl.sigmoid(to_f + vf * c + bf), tl.sigmoid(to_r + vr * c + br)
        after = u + f * (c - u)
        d_after = arriving + d_h * r
        d_f = d_after * (c - u) * f * (1 - f)
        d_r = d_h * (after - past) * r * (1 - r)
        tl.store(d_p, d_after * (1 - f), mask=inside)
        tl.store(d_p + size, d_f, mask=inside)
        tl.store(d_p + 2 * size, d_r, mask=inside)
        tl.store(d_x, d_h * (1 - r), mask=inside)
        d_vf += d_f * c
        d_vr += d_r * c
        d_bf += d_f
        d_br += d_r
        arriving = d_after * f + d_f * vf + d_r * vr
        p += time_p
        d_p += time_p
        x += time_x
        d_x += time_x
        kept += time_y
        dy += time_y
    share = row * 2 * size + lane
    tl.store(d_v + share, d_vf, mask=inside)
    tl.store(d_v + share + size, d_vr, mask=inside)
    tl.store(d_b + share, d_bf, mask=inside)
    tl.store(d_b + share + size, d_br, mask=inside)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, packed: Tensor, past: Tensor | None, v: Tensor, b: Tensor, keep: bool) -> Tensor:
        packed, past = packed.contiguous(), None if past is None else past.contiguous()
        steps, rows, size = *packed.shape[:2], v.shape[1]
        y = packed.new_empty(steps, rows, size)
        kept = torch.empty_like(y) if keep else y
        x = packed[..., 3 * size :] if past is None else past
        with launching(packed):
            grid, block = blocks(rows, size)
            sru_forward[grid](
                packed, x, v, b, kept, y, steps, size, *packed.stride()[:2], *x.stride()[:2], rows * size,
                KEEP=keep, WIDE=wide(packed.dtype), BLOCK=block, STAGES=STAGES, num_warps=1,
            )  # fmt: skip
        ctx.save_for_backward(packed, past, v, b, kept)
        return y

    @staticmethod
    @once
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        packed, past, v, b, kept = ctx.saved_tensors
        steps, rows, size = kept.shape
        d_packed, d_past = torch.empty_like(packed), None if past is None else torch.empty_like(past)
        x, d_x = (packed[..., 3 * size :], d_packed[..., 3 * size :]) if d_past is None else (past, d_past)
        wide_type = torch.promote_types(v.dtype, torch.float32)
        d_v, d_b = (v.new_empty(rows, 2, size, dtype=wide_type) for _ in range(2))
        dy = dy.contiguous()
        (time_p, row_p), (time_x, row_x) = packed.stride()[:2], x.stride()[:2]
        with launching(packed):
            grid, block = blocks(rows, size)
            sru_backward[grid](
                packed[-1], x[-1], v, b, kept[-1], dy[-1], d_packed[-1], d_x[-1], d_v, d_b,
                steps, size, -time_p, row_p, -time_x, row_x, -rows * size,
                WIDE=wide(packed.dtype), BLOCK=block, STAGES=STAGES, num_warps=1,
            )  # fmt: skip
        return d_packed, d_past, d_v.sum(0).to(v.dtype), d_b.sum(0).to(b.dtype), None
