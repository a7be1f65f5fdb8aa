"""Linear recurrences h' = a h + b in one kernel per direction: gates, recurrence and output gate over the whole sequence.

A program handles BLOCK channels of one sequence, keeps the state in registers and iterates over time, while loads of later steps are in
flight (`num_stages`). It starts at its pointers and moves by signed strides, so that the backward pass is the same loop from the last step.
"""

from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from rnnbench.variants._passes import once, run
from rnnbench.variants.kernels import pointwise
from rnnbench.variants.kernels.launch import launching

BLOCK = 64  # channels per program: one warp, with loads of at least four bytes per thread in bf16
STAGES = 8  # steps in flight


@dataclass(frozen=True, slots=True)
class Family:
    """One recurrence: number of input streams, formulas, and whether it has an output gate σ and a weight per channel."""

    streams: int
    coefficients: Any
    slopes: Any
    gated: bool = False
    weighted: bool = False


FAMILIES = {
    "given": Family(2, pointwise.given_coefficients, pointwise.given_slopes),
    "min_gru": Family(2, pointwise.min_gru_coefficients, pointwise.min_gru_slopes),
    "min_lstm": Family(3, pointwise.min_lstm_coefficients, pointwise.min_lstm_slopes),
    "qrnn": Family(2, pointwise.qrnn_coefficients, pointwise.qrnn_slopes, gated=True),
    "rg_lru": Family(3, pointwise.rg_lru_coefficients, pointwise.rg_lru_slopes, weighted=True),
}


def recurrence(family: str, packed: Tensor, first: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
    """packed: the family's streams concatenated, the output gate last: (seq_len, batch, k · size) → (seq_len, batch, size) in its format.

    `first`, if given, is the first stream: (seq_len, batch, size). weight: (size), for a family with a weight per channel.
    """
    return run(_Recurrence, family, packed, first, weight, torch.is_grad_enabled())


@triton.jit
def linear_rnn_forward(
    p0, p1, p2, gate, weight, kept, y, steps, size, time0, row0, time1, row1, time_y,
    COEFFICIENTS: tl.constexpr, STREAMS: tl.constexpr, GATED: tl.constexpr, WEIGHTED: tl.constexpr, KEEP: tl.constexpr,
    WIDE: tl.constexpr, BLOCK: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """y[t] = h[t], or σ(gate[t]) h[t] with h stored in `kept`. time0, row0: strides of p0; time1, row1: of p1, p2 and gate."""
    row, lane = tl.program_id(0), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = lane < size
    p0 += row * row0 + lane
    p1 += row * row1 + lane
    p2 += row * row1 + lane
    gate += row * row1 + lane
    kept += row * size + lane
    y += row * size + lane
    w = tl.load(weight + lane, mask=inside, other=0).to(WIDE) if WEIGHTED else 0.0
    h = tl.zeros([BLOCK], WIDE)
    for _ in tl.range(0, steps, num_stages=STAGES):
        x0 = tl.load(p0, mask=inside, other=0).to(WIDE)
        x1 = tl.load(p1, mask=inside, other=0).to(WIDE)
        x2 = tl.load(p2, mask=inside, other=0).to(WIDE) if STREAMS == 3 else x1
        a, b = COEFFICIENTS(x0, x1, x2, w)
        h = a * h + b
        if GATED:
            tl.store(y, h * tl.sigmoid(tl.load(gate, mask=inside, other=0).to(WIDE)), mask=inside)
            if KEEP:
                tl.store(kept, h, mask=inside)
        else:
            tl.store(y, h, mask=inside)
        p0 += time0
        p1 += time1
        p2 += time1
        gate += time1
        kept += time_y
        y += time_y


@triton.jit
def linear_rnn_backward(
    p0, p1, p2, gate, weight, kept, dy, d0, d1, d2, d_gate, d_weight, steps, size, time0, row0, time1, row1, time_y,
    SLOPES: tl.constexpr, COEFFICIENTS: tl.constexpr, STREAMS: tl.constexpr, GATED: tl.constexpr, WEIGHTED: tl.constexpr,
    WIDE: tl.constexpr, BLOCK: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """From the last step to the first: every pointer is at the last step, and the strides of time are negative. kept: h of each step."""
    row, lane = tl.program_id(0), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = lane < size
    from0, from1, from_y = row * row0 + lane, row * row1 + lane, row * size + lane
    p0 += from0
    d0 += from0
    p1 += from1
    d1 += from1
    p2 += from1
    d2 += from1
    gate += from1
    d_gate += from1
    kept += from_y + time_y  # of the previous step
    dy += from_y
    w = tl.load(weight + lane, mask=inside, other=0).to(WIDE) if WEIGHTED else 0.0
    arriving = tl.zeros([BLOCK], WIDE)
    d_w = tl.zeros([BLOCK], WIDE)
    for done in tl.range(0, steps, num_stages=STAGES):
        x0 = tl.load(p0, mask=inside, other=0).to(WIDE)
        x1 = tl.load(p1, mask=inside, other=0).to(WIDE)
        x2 = tl.load(p2, mask=inside, other=0).to(WIDE) if STREAMS == 3 else x1
        before = tl.load(kept, mask=inside & (done + 0 * lane < steps - 1), other=0).to(WIDE)
        d_h = tl.load(dy, mask=inside, other=0).to(WIDE)
        a, b = COEFFICIENTS(x0, x1, x2, w)
        if GATED:
            out = tl.sigmoid(tl.load(gate, mask=inside, other=0).to(WIDE))
            tl.store(d_gate, d_h * (a * before + b) * out * (1 - out), mask=inside)
            d_h = d_h * out
        d_h += arriving
        g0, g1, g2, gw = SLOPES(x0, x1, x2, w, d_h * before, d_h)
        tl.store(d0, g0, mask=inside)
        tl.store(d1, g1, mask=inside)
        if STREAMS == 3:
            tl.store(d2, g2, mask=inside)
        if WEIGHTED:
            d_w += gw
        arriving = a * d_h
        p0 += time0
        d0 += time0
        p1 += time1
        d1 += time1
        p2 += time1
        d2 += time1
        gate += time1
        d_gate += time1
        kept += time_y
        dy += time_y
    if WEIGHTED:
        tl.store(d_weight + row * size + lane, d_w, mask=inside)


def wide(dtype: torch.dtype) -> Any:
    """The number format in which a kernel computes on tensors of `dtype`."""
    return tl.float64 if dtype == torch.float64 else tl.float32


def blocks(rows: int, size: int) -> tuple[tuple[int, int], int]:
    """The grid of programs, and the number of channels per program."""
    block = min(BLOCK, triton.next_power_of_2(size))
    return (rows, triton.cdiv(size, block)), block


def _streams(family: Family, packed: Tensor, first: Tensor | None, at: int) -> tuple[Tensor, ...]:
    """p0, p1, p2 and gate as views of one step; unused ones repeat the stream before them."""
    count = family.streams + family.gated - (first is not None)
    parts = packed[at].chunk(count, -1)
    every = parts if first is None else (first[at], *parts)
    return every[0], every[1], every[min(2, family.streams - 1)], every[-1]


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, name: str, packed: Tensor, first: Tensor | None, weight: Tensor | None, graph: bool) -> Tensor:
        family = FAMILIES[name]
        packed, first = packed.contiguous(), None if first is None else first.contiguous()
        steps, rows = packed.shape[:2]
        size = packed.shape[-1] // (family.streams + family.gated - (first is not None))
        y = packed.new_empty(steps, rows, size)
        keep = family.gated and graph
        kept = torch.empty_like(y) if keep else y
        with launching(packed):
            grid, block = blocks(rows, size)
            linear_rnn_forward[grid](
                *_streams(family, packed, first, 0), packed if weight is None else weight, kept, y,
                steps, size, *_strides(packed, first), rows * size,
                COEFFICIENTS=family.coefficients, STREAMS=family.streams, GATED=family.gated, WEIGHTED=family.weighted, KEEP=keep,
                WIDE=wide(packed.dtype), BLOCK=block, STAGES=STAGES, num_warps=1,
            )  # fmt: skip
        ctx.save_for_backward(packed, first, weight, kept)
        ctx.family = family
        return y

    @staticmethod
    @once
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        packed, first, weight, kept = ctx.saved_tensors
        family: Family = ctx.family
        steps, rows, size = kept.shape
        d_packed, d_first = torch.empty_like(packed), None if first is None else torch.empty_like(first)
        dy = dy.contiguous()
        d_weight = None if weight is None else weight.new_empty(rows, size, dtype=torch.promote_types(weight.dtype, torch.float32))
        time0, row0, time1, row1 = _strides(packed, first)
        with launching(packed):
            grid, block = blocks(rows, size)
            linear_rnn_backward[grid](
                *_streams(family, packed, first, -1), packed if weight is None else weight, kept[-1], dy[-1],
                *_streams(family, d_packed, d_first, -1), packed if d_weight is None else d_weight,
                steps, size, -time0, row0, -time1, row1, -rows * size,
                SLOPES=family.slopes, COEFFICIENTS=family.coefficients, STREAMS=family.streams, GATED=family.gated,
                WEIGHTED=family.weighted, WIDE=wide(packed.dtype), BLOCK=block, STAGES=STAGES, num_warps=1,
            )  # fmt: skip
        return None, d_packed, d_first, None if d_weight is None else d_weight.sum(0).to(weight.dtype), None


def _strides(packed: Tensor, first: Tensor | None) -> tuple[int, int, int, int]:
    """Strides of time and row, for the first stream and then for the others."""
    own = packed if first is None else first
    return own.stride(0), own.stride(1), packed.stride(0), packed.stride(1)
