"""LSTM with layer norm on its hidden state: two launches per time step and direction, a matrix product and a kernel for the rest.

The backward pass recomputes the activations and the norm from the pre-activations and the cells, so that nothing else is kept.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from rnnbench.variants._passes import once, product_type, run
from rnnbench.variants._product import product, weight_gradient
from rnnbench.variants.kernels import WIDEST_NORM
from rnnbench.variants.kernels.launch import launching
from rnnbench.variants.kernels.linear import wide
from rnnbench.variants.kernels.pointwise import back_through_norm, lstm_gates, moments, tanh
from rnnbench.variants.kernels.steps import added, rows_of, state_type


def whole(x: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, gain: Tensor, shift: Tensor, eps: float) -> Tensor:
    """x: (seq_len, batch, inputs) → h: (seq_len, batch, hidden), in the format of the products."""
    return run(_Whole, x, w_ih, w_hh, bias, gain, shift, eps)


@triton.jit
def ln_lstm_forward(pre, before, after, h, gain, shift, size, EPS: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr):
    """pre: (rows, 4 · size), the gates i, f, g, o before their activations; before, after: the cells; h = LN(σ(o) tanh(c'))."""
    row, lane = tl.program_id(0), tl.arange(0, BLOCK)
    inside = lane < size
    at, gates = row * size + lane, pre + row * 4 * size + lane
    i, f, g, o = lstm_gates(
        tl.load(gates, mask=inside, other=0).to(WIDE),
        tl.load(gates + size, mask=inside, other=0).to(WIDE),
        tl.load(gates + 2 * size, mask=inside, other=0).to(WIDE),
        tl.load(gates + 3 * size, mask=inside, other=0).to(WIDE),
    )
    c = f * tl.load(before + at, mask=inside, other=0).to(WIDE) + i * g
    raw = o * tanh(c)
    mean, scale = moments(raw, inside, size, EPS)
    scaled = (raw - mean) * scale * tl.load(gain + lane, mask=inside, other=0).to(WIDE)
    tl.store(after + at, c, mask=inside)
    tl.store(h + at, scaled + tl.load(shift + lane, mask=inside, other=0).to(WIDE), mask=inside)


@triton.jit
def ln_lstm_backward(
    pre, before, d_h, d_c, d_pre, gain, d_gain, d_shift, size, EPS: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """d_c: gradient of the cell from the next step, overwritten with that of the previous cell. d_gain, d_shift: (rows, size), added to."""
    row, lane = tl.program_id(0), tl.arange(0, BLOCK)
    inside = lane < size
    at, gates = row * size + lane, row * 4 * size + lane
    i, f, g, o = lstm_gates(
        tl.load(pre + gates, mask=inside, other=0).to(WIDE),
        tl.load(pre + gates + size, mask=inside, other=0).to(WIDE),
        tl.load(pre + gates + 2 * size, mask=inside, other=0).to(WIDE),
        tl.load(pre + gates + 3 * size, mask=inside, other=0).to(WIDE),
    )
    c = tl.load(before + at, mask=inside, other=0).to(WIDE)
    tanh_c = tanh(f * c + i * g)
    raw = o * tanh_c
    mean, scale = moments(raw, inside, size, EPS)
    normed = tl.where(inside, (raw - mean) * scale, 0.0)
    given = tl.load(d_h + at, mask=inside, other=0).to(WIDE)
    d_raw = back_through_norm(given * tl.load(gain + lane, mask=inside, other=0).to(WIDE), normed, scale, size)
    d_after = tl.load(d_c + at, mask=inside, other=0).to(WIDE) + d_raw * o * (1 - tanh_c * tanh_c)
    tl.store(d_pre + gates, d_after * g * i * (1 - i), mask=inside)
    tl.store(d_pre + gates + size, d_after * c * f * (1 - f), mask=inside)
    tl.store(d_pre + gates + 2 * size, d_after * i * (1 - g * g), mask=inside)
    tl.store(d_pre + gates + 3 * size, d_raw * tanh_c * o * (1 - o), mask=inside)
    tl.store(d_c + at, d_after * f, mask=inside)
    tl.store(d_gain + at, tl.load(d_gain + at, mask=inside, other=0) + given * normed, mask=inside)
    tl.store(d_shift + at, tl.load(d_shift + at, mask=inside, other=0) + given, mask=inside)


class _Whole(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, gain: Tensor, shift: Tensor, eps: float) -> Tensor:
        low = product_type(x)
        with launching(x):
            steps, rows, size = *x.shape[:2], w_hh.shape[1]
            pre = product(x.to(low), w_ih.to(low), bias.to(low))
            c = pre.new_zeros(steps + 1, rows, size, dtype=state_type(low))
            h = pre.new_empty(steps, rows, size)
            times_u = w_hh.to(low).t()
            block, warps = rows_of(size, WIDEST_NORM)
            gates, cells, outputs = pre.unbind(0), c.unbind(0), h.unbind(0)
            for t in range(steps):
                if t:
                    added(gates[t], outputs[t - 1], times_u)
                ln_lstm_forward[(rows,)](
                    gates[t], cells[t], cells[t + 1], outputs[t], gain, shift, size,
                    EPS=eps, WIDE=wide(low), BLOCK=block, num_warps=warps,
                )  # fmt: skip
        ctx.save_for_backward(x, w_ih, w_hh, gain, pre, c, h)
        ctx.low, ctx.eps = low, eps
        return h

    @staticmethod
    @once
    def backward(ctx: Any, d_y: Tensor) -> tuple[Tensor | None, ...]:
        x, w_ih, w_hh, gain, pre, c, h = ctx.saved_tensors
        low = ctx.low
        with launching(x):
            steps, rows, size = h.shape
            d_h, d_pre, d_c = d_y.clone(memory_format=torch.contiguous_format), torch.empty_like(pre), torch.zeros_like(c[0])
            d_gain, d_shift = torch.zeros_like(d_c), torch.zeros_like(d_c)
            u = w_hh.to(low)
            block, warps = rows_of(size, WIDEST_NORM)
            gates, cells, d_gates, d_outputs = pre.unbind(0), c.unbind(0), d_pre.unbind(0), d_h.unbind(0)
            for t in range(steps - 1, -1, -1):
                ln_lstm_backward[(rows,)](
                    gates[t], cells[t], d_outputs[t], d_c, d_gates[t], gain, d_gain, d_shift, size,
                    EPS=ctx.eps, WIDE=wide(low), BLOCK=block, num_warps=warps,
                )  # fmt: skip
                if t:
                    added(d_outputs[t - 1], d_gates[t], u)
            d_x = product(d_pre, w_ih.to(low).t()).to(x.dtype) if ctx.needs_input_grad[0] else None
            d_w_ih = weight_gradient(d_pre, x.to(low)).to(w_ih.dtype)
            d_w_hh = weight_gradient(d_pre[1:], h[:-1]).to(w_hh.dtype)
            d_bias = d_pre.flatten(0, 1).sum(0).to(w_hh.dtype)
        return d_x, d_w_ih, d_w_hh, d_bias, d_gain.sum(0).to(gain.dtype), d_shift.sum(0).to(gain.dtype), None
