"""LSTM with layer norm on its gates and its cell: two launches per time step and direction, a matrix product and a kernel for the rest."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from rnnbench.variants._passes import once, run
from rnnbench.variants._product import weight_gradient
from rnnbench.variants.kernels import WIDEST_GATE_NORM
from rnnbench.variants.kernels.launch import launching
from rnnbench.variants.kernels.linear import wide
from rnnbench.variants.kernels.pointwise import back_through_norm, lstm_gates, moments, tanh
from rnnbench.variants.kernels.steps import added, rows_of, state_type


def whole(p: Tensor, w_hh: Tensor, gain_h: Tensor, gain_c: Tensor, shift_c: Tensor, eps: float) -> Tensor:
    """p: (seq_len, batch, 4 · hidden), LN(W x) → h: (seq_len, batch, hidden), in p's format."""
    return run(_Whole, p, w_hh, gain_h, gain_c, shift_c, eps)


@triton.jit
def normed_gates(u, inside, size, EPS: tl.constexpr, WIDE: tl.constexpr):
    """u normalised over all four gates, gate by gate, and 1 / √(variance + ε)."""
    u0 = tl.load(u, mask=inside, other=0).to(WIDE)
    u1 = tl.load(u + size, mask=inside, other=0).to(WIDE)
    u2 = tl.load(u + 2 * size, mask=inside, other=0).to(WIDE)
    u3 = tl.load(u + 3 * size, mask=inside, other=0).to(WIDE)
    mean = tl.sum(u0 + u1 + u2 + u3, 0) / (4 * size)
    u0 = tl.where(inside, u0 - mean, 0.0)
    u1 = tl.where(inside, u1 - mean, 0.0)
    u2 = tl.where(inside, u2 - mean, 0.0)
    u3 = tl.where(inside, u3 - mean, 0.0)
    scale = 1 / tl.sqrt(tl.sum(u0 * u0 + u1 * u1 + u2 * u2 + u3 * u3, 0) / (4 * size) + EPS)
    return u0 * scale, u1 * scale, u2 * scale, u3 * scale, scale


@triton.jit
def gates_of(p, n0, n1, n2, n3, gain, inside, size, WIDE: tl.constexpr):
    """σ, σ, tanh, σ of p + gain · normed."""
    return lstm_gates(
        tl.load(p, mask=inside, other=0).to(WIDE) + n0 * tl.load(gain, mask=inside, other=0).to(WIDE),
        tl.load(p + size, mask=inside, other=0).to(WIDE) + n1 * tl.load(gain + size, mask=inside, other=0).to(WIDE),
        tl.load(p + 2 * size, mask=inside, other=0).to(WIDE) + n2 * tl.load(gain + 2 * size, mask=inside, other=0).to(WIDE),
        tl.load(p + 3 * size, mask=inside, other=0).to(WIDE) + n3 * tl.load(gain + 3 * size, mask=inside, other=0).to(WIDE),
    )


@triton.jit
def gate_norm_lstm_forward(
    p, u, before, after, h, gain_h, gain_c, shift_c, size, EPS: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """p, u: (rows, 4 · size), from the input and from the state; before, after: the cells; h = σ(o) tanh(LN(c'))."""
    row, lane = tl.program_id(0), tl.arange(0, BLOCK)
    inside = lane < size
    at, gates = row * size + lane, row * 4 * size + lane
    n0, n1, n2, n3, _ = normed_gates(u + gates, inside, size, EPS, WIDE)
    i, f, g, o = gates_of(p + gates, n0, n1, n2, n3, gain_h + lane, inside, size, WIDE)
    c = tl.where(inside, f * tl.load(before + at, mask=inside, other=0).to(WIDE) + i * g, 0.0)
    mean, scale = moments(c, inside, size, EPS)
    gain, shift = tl.load(gain_c + lane, mask=inside, other=0).to(WIDE), tl.load(shift_c + lane, mask=inside, other=0).to(WIDE)
    tl.store(after + at, c, mask=inside)
    tl.store(h + at, o * tanh((c - mean) * scale * gain + shift), mask=inside)


@triton.jit
def back_to_gates(d0, d1, d2, d3, n0, n1, n2, n3, gain, scale, d_gain, d_u, inside, size, WIDE: tl.constexpr):
    """Store the gradient of u, and add to that of the gain, from the gradients of the four gates."""
    tl.store(d_gain, tl.load(d_gain, mask=inside, other=0) + d0 * n0, mask=inside)
    tl.store(d_gain + size, tl.load(d_gain + size, mask=inside, other=0) + d1 * n1, mask=inside)
    tl.store(d_gain + 2 * size, tl.load(d_gain + 2 * size, mask=inside, other=0) + d2 * n2, mask=inside)
    tl.store(d_gain + 3 * size, tl.load(d_gain + 3 * size, mask=inside, other=0) + d3 * n3, mask=inside)
    d0 = d0 * tl.load(gain, mask=inside, other=0).to(WIDE)
    d1 = d1 * tl.load(gain + size, mask=inside, other=0).to(WIDE)
    d2 = d2 * tl.load(gain + 2 * size, mask=inside, other=0).to(WIDE)
    d3 = d3 * tl.load(gain + 3 * size, mask=inside, other=0).to(WIDE)
    mean = tl.sum(d0 + d1 + d2 + d3, 0) / (4 * size)
    along = tl.sum(d0 * n0 + d1 * n1 + d2 * n2 + d3 * n3, 0) / (4 * size)
    tl.store(d_u, scale * (d0 - mean - n0 * along), mask=inside)
    tl.store(d_u + size, scale * (d1 - mean - n1 * along), mask=inside)
    tl.store(d_u + 2 * size, scale * (d2 - mean - n2 * along), mask=inside)
    tl.store(d_u + 3 * size, scale * (d3 - mean - n3 * along), mask=inside)


@triton.jit
def gate_norm_lstm_backward(
    p, u, before, d_h, d_c, d_p, d_u, gain_h, gain_c, shift_c, d_gain_h, d_gain_c, d_shift_c, size,
    EPS: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """d_c: gradient of the cell from the next step, overwritten with that of the previous cell. The norms' gradients, (rows, …), are added
    to."""
    row, lane = tl.program_id(0), tl.arange(0, BLOCK)
    inside = lane < size
    at, gates = row * size + lane, row * 4 * size + lane
    n0, n1, n2, n3, scale_h = normed_gates(u + gates, inside, size, EPS, WIDE)
    i, f, g, o = gates_of(p + gates, n0, n1, n2, n3, gain_h + lane, inside, size, WIDE)
    c = tl.load(before + at, mask=inside, other=0).to(WIDE)
    after = tl.where(inside, f * c + i * g, 0.0)
    mean, scale = moments(after, inside, size, EPS)
    normed = tl.where(inside, (after - mean) * scale, 0.0)
    gain, shift = tl.load(gain_c + lane, mask=inside, other=0).to(WIDE), tl.load(shift_c + lane, mask=inside, other=0).to(WIDE)
    tanh_c = tanh(normed * gain + shift)
    given = tl.load(d_h + at, mask=inside, other=0).to(WIDE)
    d_seen = given * o * (1 - tanh_c * tanh_c)
    d_after = tl.load(d_c + at, mask=inside, other=0).to(WIDE) + back_through_norm(d_seen * gain, normed, scale, size)
    d0, d1 = d_after * g * i * (1 - i), d_after * c * f * (1 - f)
    d2, d3 = d_after * i * (1 - g * g), given * tanh_c * o * (1 - o)
    tl.store(d_p + gates, d0, mask=inside)
    tl.store(d_p + gates + size, d1, mask=inside)
    tl.store(d_p + gates + 2 * size, d2, mask=inside)
    tl.store(d_p + gates + 3 * size, d3, mask=inside)
    tl.store(d_c + at, d_after * f, mask=inside)
    tl.store(d_gain_c + at, tl.load(d_gain_c + at, mask=inside, other=0) + d_seen * normed, mask=inside)
    tl.store(d_shift_c + at, tl.load(d_shift_c + at, mask=inside, other=0) + d_seen, mask=inside)
    back_to_gates(d0, d1, d2, d3, n0, n1, n2, n3, gain_h + lane, scale_h, d_gain_h + gates, d_u + gates, inside, size, WIDE)


class _Whole(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, p: Tensor, w_hh: Tensor, gain_h: Tensor, gain_c: Tensor, shift_c: Tensor, eps: float) -> Tensor:
        p = p.contiguous()
        with launching(p):
            steps, rows, size = *p.shape[:2], w_hh.shape[1]
            u = torch.empty_like(p)
            u[0] = 0
            c = p.new_zeros(steps + 1, rows, size, dtype=state_type(p.dtype))
            h = p.new_empty(steps, rows, size)
            times_u = w_hh.to(p.dtype).t()
            block, warps = rows_of(size, WIDEST_GATE_NORM, 4)
            given, own, cells, outputs = p.unbind(0), u.unbind(0), c.unbind(0), h.unbind(0)
            for t in range(steps):
                if t:
                    torch.mm(outputs[t - 1], times_u, out=own[t])
                gate_norm_lstm_forward[(rows,)](
                    given[t], own[t], cells[t], cells[t + 1], outputs[t], gain_h, gain_c, shift_c, size,
                    EPS=eps, WIDE=wide(p.dtype), BLOCK=block, num_warps=warps,
                )  # fmt: skip
        ctx.save_for_backward(p, w_hh, gain_h, gain_c, shift_c, u, c, h)
        ctx.eps = eps
        return h

    @staticmethod
    @once
    def backward(ctx: Any, d_y: Tensor) -> tuple[Tensor | None, ...]:
        p, w_hh, gain_h, gain_c, shift_c, u, c, h = ctx.saved_tensors
        with launching(p):
            steps, rows, size = h.shape
            d_h, d_p, d_u = d_y.clone(memory_format=torch.contiguous_format), torch.empty_like(p), torch.empty_like(p)
            d_c = torch.zeros_like(c[0])
            d_gain_h, d_gain_c, d_shift_c = d_c.new_zeros(rows, 4 * size), torch.zeros_like(d_c), torch.zeros_like(d_c)
            times_ut = w_hh.to(p.dtype)
            block, warps = rows_of(size, WIDEST_GATE_NORM, 4)
            given, own, cells, d_outputs, d_given, d_own = (one.unbind(0) for one in (p, u, c, d_h, d_p, d_u))
            for t in range(steps - 1, -1, -1):
                gate_norm_lstm_backward[(rows,)](
                    given[t], own[t], cells[t], d_outputs[t], d_c, d_given[t], d_own[t],
                    gain_h, gain_c, shift_c, d_gain_h, d_gain_c, d_shift_c, size,
                    EPS=ctx.eps, WIDE=wide(p.dtype), BLOCK=block, num_warps=warps,
                )  # fmt: skip
                if t:
                    added(d_outputs[t - 1], d_own[t], times_ut)
            d_w = weight_gradient(d_u[1:], h[:-1]).to(w_hh.dtype)
        return (d_p, d_w, *(one.sum(0).to(gain_h.dtype) for one in (d_gain_h, d_gain_c, d_shift_c)), None)
