"""LSTM with layer norm on its hidden state on a CPU: two calls per time step and direction, a product and a compiled pass for the rest."""

import ctypes
from typing import Any

import torch
from torch import Tensor

from rnnbench.variants._passes import exact, once, product_type, run
from rnnbench.variants._product import Product, product, weight_gradient
from rnnbench.variants.native import library

_LONG, _POINTER, _FLOAT = ctypes.c_int64, ctypes.c_void_p, ctypes.c_float
_ARGUMENTS = {"forward": [*[_POINTER] * 11, _FLOAT, _LONG, _LONG], "backward": [*[_POINTER] * 12, _LONG, _LONG]}
_NAMES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


def whole(x: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, gain: Tensor, shift: Tensor, eps: float) -> Tensor:
    """x: (seq_len, batch, inputs) → h: (seq_len, batch, hidden), both fp32. Products are in bf16 if autocast is."""
    return run(_Whole, x, w_ih, w_hh, bias, gain, shift, eps)


def _function(way: str, low: torch.dtype) -> Any:
    found = getattr(library(), f"{way}_{_NAMES[low]}")
    found.argtypes, found.restype = _ARGUMENTS[way], None
    return found


class _Whole(torch.autograd.Function):
    """Only the part that depends on h runs step by step; the gradients of the matrices are computed once, after the loop."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, gain: Tensor, shift: Tensor, eps: float) -> Tensor:
        low = product_type(x)
        with exact(x):
            steps, rows, size = *x.shape[:2], w_hh.shape[1]
            pre = product(x.to(low), w_ih.to(low), bias.to(low)).contiguous()
            acts = pre if low == torch.float32 else torch.empty_like(pre, dtype=torch.float32)
            c = acts.new_zeros(steps + 1, rows, size)
            tanh_c, h = torch.empty_like(c[1:]), torch.empty_like(c[1:])
            lows = h if low == torch.float32 else torch.empty_like(h, dtype=low)
            means, scales = acts.new_empty(2, steps, rows).unbind(0)
            gain, shift = gain.contiguous(), shift.contiguous()
            step, times_u = _function("forward", low), Product(w_hh.to(low), rows)
            every = zip(*(one.unbind(0) for one in (pre, acts, c[:-1], c[1:], tanh_c, h, lows, means, scales)), strict=True)
            last: Tensor | None = None
            for own, act, before, after, seen_t, h_t, low_t, mean, scale in every:
                own = own if last is None else times_u(last, own)  # noqa: PLW2901 - kept alive while its pointer is used
                pointers = (one.data_ptr() for one in (own, before, act, after, seen_t, h_t, low_t, mean, scale, gain, shift))
                step(*pointers, eps, rows, size)
                last = low_t
            ctx.save_for_backward(x, w_ih, w_hh, gain, acts, c, tanh_c, lows, means, scales)
            ctx.low = low
        return h

    @staticmethod
    @once
    def backward(ctx: Any, d_y: Tensor) -> tuple[Tensor | None, ...]:
        x, w_ih, w_hh, gain, acts, c, tanh_c, lows, means, scales = ctx.saved_tensors
        low = ctx.low
        with exact(x):
            rows, size = tanh_c.shape[1:]
            d_y = d_y.float().contiguous()
            d_pre, d_c = torch.empty_like(acts, dtype=low), torch.zeros_like(c[0])
            d_gain, d_shift = torch.zeros_like(gain), torch.zeros_like(gain)
            step, times_ut = _function("backward", low), Product(w_hh.to(low).t(), rows)
            every = [one.unbind(0) for one in (acts, c[:-1], tanh_c, means, scales, d_y, d_pre)]
            back: Tensor | None = None  # through the product of the next step
            for act, before, seen_t, mean, scale, given, d_pre_t in zip(*(one[::-1] for one in every), strict=True):
                last = None if back is None else back.data_ptr()
                pointers = (one.data_ptr() for one in (act, before, seen_t, mean, scale, gain, given))
                step(*pointers, last, *(one.data_ptr() for one in (d_c, d_pre_t, d_gain, d_shift)), rows, size)
                back = times_ut(d_pre_t) if before is not every[1][0] else None
            d_x = product(d_pre, w_ih.to(low).t()).to(x.dtype) if ctx.needs_input_grad[0] else None
            d_w_ih = weight_gradient(d_pre, x.to(low)).to(w_ih.dtype)
            d_w_hh = weight_gradient(d_pre[1:], lows[:-1]).to(w_hh.dtype)
            d_bias = d_pre.flatten(0, 1).sum(0).to(w_hh.dtype)
        return d_x, d_w_ih, d_w_hh, d_bias, d_gain, d_shift, None
