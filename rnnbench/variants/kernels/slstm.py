"""sLSTM: two launches per time step and direction, a product of all heads at once and a kernel for the rest."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from rnnbench.variants._passes import once, run
from rnnbench.variants.kernels.launch import launching
from rnnbench.variants.kernels.linear import blocks, wide
from rnnbench.variants.kernels.pointwise import log_sigmoid, tanh
from rnnbench.variants.kernels.steps import added, state_type


def whole(p: Tensor, u: Tensor) -> Tensor:
    """p: (seq_len, heads, batch, 4 · part), gates i, f, z, o; u: (heads, part, 4 · part) → h like p, (…, part)."""
    return run(_Whole, p, u)


@triton.jit
def gates_of(pre, m, inside, part, WIDE: tl.constexpr):
    """The new stabiliser, the input and forget factors, 1 − σ(f), tanh z and σ(o)."""
    i = tl.load(pre, mask=inside, other=0).to(WIDE)
    f = tl.load(pre + part, mask=inside, other=0).to(WIDE)
    z = tanh(tl.load(pre + 2 * part, mask=inside, other=0).to(WIDE))
    o = tl.sigmoid(tl.load(pre + 3 * part, mask=inside, other=0).to(WIDE))
    kept = log_sigmoid(f) + m
    after = tl.maximum(i, kept)
    return after, tl.exp(i - after), tl.exp(kept - after), tl.sigmoid(-f), z, o


@triton.jit
def slstm_forward(pre, before, after, h, part, apart, WIDE: tl.constexpr, BLOCK: tl.constexpr):
    """pre: (rows, 4 · part); before, after: c, n and m, each (rows, part), `apart` numbers from one to the next; h = σ(o) c / n."""
    row, lane = tl.program_id(0), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = lane < part
    at = row * part + lane
    m = tl.load(before + 2 * apart + at, mask=inside, other=0).to(WIDE)
    m, enter, forget, _, z, o = gates_of(pre + row * 4 * part + lane, m, inside, part, WIDE)
    c = forget * tl.load(before + at, mask=inside, other=0).to(WIDE) + enter * z
    n = forget * tl.load(before + apart + at, mask=inside, other=0).to(WIDE) + enter
    tl.store(after + at, c, mask=inside)
    tl.store(after + apart + at, n, mask=inside)
    tl.store(after + 2 * apart + at, m, mask=inside)
    tl.store(h + at, o * c / n, mask=inside)


@triton.jit
def slstm_backward(pre, before, d_h, d_state, d_pre, part, apart, WIDE: tl.constexpr, BLOCK: tl.constexpr):
    """d_state: gradients of c and n from the next step, overwritten with those of the previous step. The stabiliser cancels in c / n."""
    row, lane = tl.program_id(0), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = lane < part
    at, gates = row * part + lane, row * 4 * part + lane
    m = tl.load(before + 2 * apart + at, mask=inside, other=0).to(WIDE)
    c, n = tl.load(before + at, mask=inside, other=0).to(WIDE), tl.load(before + apart + at, mask=inside, other=0).to(WIDE)
    _, enter, forget, shut, z, o = gates_of(pre + gates, m, inside, part, WIDE)
    n_after = tl.where(inside, forget * n + enter, 1.0)
    y = (forget * c + enter * z) / n_after
    given = tl.load(d_h + at, mask=inside, other=0).to(WIDE)
    to_y = given * o / n_after
    d_c = tl.load(d_state + at, mask=inside, other=0).to(WIDE) + to_y
    d_n = tl.load(d_state + apart + at, mask=inside, other=0).to(WIDE) - to_y * y
    tl.store(d_pre + gates, (d_c * z + d_n) * enter, mask=inside)
    tl.store(d_pre + gates + part, (d_c * c + d_n * n) * forget * shut, mask=inside)
    tl.store(d_pre + gates + 2 * part, d_c * enter * (1 - z * z), mask=inside)
    tl.store(d_pre + gates + 3 * part, given * y * o * (1 - o), mask=inside)
    tl.store(d_state + at, d_c * forget, mask=inside)
    tl.store(d_state + apart + at, d_n * forget, mask=inside)


class _Whole(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, p: Tensor, u: Tensor) -> Tensor:
        with launching(p):
            steps, heads, batch, part = *p.shape[:3], u.shape[1]
            pre = p.clone(memory_format=torch.contiguous_format)
            state = p.new_zeros(steps + 1, 3, heads, batch, part, dtype=state_type(p.dtype))
            state[0, 2] = -torch.inf
            h = p.new_empty(steps, heads, batch, part)
            times_u = u.to(p.dtype)
            grid, block = blocks(heads * batch, part)
            gates, states, outputs = pre.unbind(0), state.unbind(0), h.unbind(0)
            for t in range(steps):
                if t:
                    added(gates[t], outputs[t - 1], times_u)
                slstm_forward[grid](
                    gates[t], states[t], states[t + 1], outputs[t], part, heads * batch * part,
                    WIDE=wide(p.dtype), BLOCK=block, num_warps=1,
                )  # fmt: skip
        ctx.save_for_backward(pre, state, h, u)
        return h

    @staticmethod
    @once
    def backward(ctx: Any, d_y: Tensor) -> tuple[Tensor | None, ...]:
        pre, state, h, u = ctx.saved_tensors
        with launching(pre):
            steps, heads, batch, part = h.shape
            d_h, d_pre = d_y.clone(memory_format=torch.contiguous_format), torch.empty_like(pre)
            d_state = torch.zeros_like(state[0, :2])
            times_ut = u.to(pre.dtype).transpose(1, 2)
            grid, block = blocks(heads * batch, part)
            gates, states, d_gates, d_outputs = pre.unbind(0), state.unbind(0), d_pre.unbind(0), d_h.unbind(0)
            for t in range(steps - 1, -1, -1):
                slstm_backward[grid](
                    gates[t], states[t], d_outputs[t], d_state, d_gates[t], part, heads * batch * part,
                    WIDE=wide(pre.dtype), BLOCK=block, num_warps=1,
                )  # fmt: skip
                if t:
                    added(d_outputs[t - 1], d_gates[t], times_ut)
            before, rows = (one.transpose(0, 1).flatten(1, 2) for one in (h[:-1], d_pre[1:]))
            d_u = torch.bmm(before.transpose(1, 2), rows).to(u.dtype)
        return d_pre, d_u
