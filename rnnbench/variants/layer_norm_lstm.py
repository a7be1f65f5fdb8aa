"""LSTM with layer norm on its hidden state: the next step and the next layer read h' = LN(σ(o) tanh(c')).

It has one norm. The network of arXiv 1607.06450, with three norms within the cell (W x, U h and c), is `ln_lstm_gates`.
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants._costs import Costs
from rnnbench.variants._deep import Layer, State, directed, uniform, weight
from rnnbench.variants._gates import Slopes, activate, blocks_backwards
from rnnbench.variants._passes import exact, once, product_type, run, wide_type
from rnnbench.variants._product import Product, linear, product, weight_gradient
from rnnbench.variants._registry import variant
from rnnbench.variants.kernels import WIDEST_NORM

layer_norm_backward: Any = torch.ops.aten.native_layer_norm_backward
WAYS = ("loop", "cell", "hoisted", "fused", "triton")
COSTS = Costs(
    products=lambda inputs, hidden: 4 * hidden * (inputs + hidden),
    parameters_of=lambda inputs, hidden: 4 * hidden * (inputs + hidden + 1) + 2 * hidden,
    state=lambda _, hidden: 2 * hidden,
)


class LayerNormLstm(Layer):
    """Gates in torch's order i, f, g, o."""

    widest = WIDEST_NORM

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.w_ih, self.w_hh, self.bias = (
            weight(4 * self.hidden, self.inputs),
            weight(4 * self.hidden, self.hidden),
            weight(4 * self.hidden),
        )
        self.norm = nn.LayerNorm(self.hidden)
        uniform(self.w_ih, self.w_hh, self.bias, hidden=self.hidden)

    def start(self, x: Tensor) -> State:
        """h and c of zero."""
        return super().start(x) * 2

    def project(self, x: Tensor) -> Tensor:
        """W x + b: (…, inputs) → (…, 4 · hidden)."""
        return linear(x, self.w_ih, self.bias)

    def recur(self, p: Tensor, state: State) -> tuple[Tensor, State]:
        """i, f, g, o = p + U h; c' = σ(f) c + σ(i) tanh(g); h' = LN(σ(o) tanh(c'))."""
        h, c = state
        i, f, g, o = (p + nn.functional.linear(h, self.w_hh)).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = self.norm(o.sigmoid() * c.tanh())
        return h, (h, c)

    def cell(self, x: Tensor) -> Tensor:
        """The common way to write it: torch's LSTM cell, then the norm."""
        h, c = self.start(x[0])
        none, outputs = torch.zeros_like(self.bias), []
        for one in x.unbind(0):
            h, c = torch.lstm_cell(one, (h, c), self.w_ih, self.w_hh, self.bias, none)
            h = self.norm(h)
            outputs.append(h)
        return torch.stack(outputs)

    def fused(self, x: Tensor) -> Tensor:
        """The whole sequence with a hand-written backward pass."""
        return run(_Whole, x, self.w_ih, self.w_hh, self.bias, self.norm.weight, self.norm.bias, self.norm.eps)

    def native(self, x: Tensor) -> Tensor:
        """One matrix product and one compiled pass per step, in each direction of the pass."""
        from rnnbench.variants.native.ln_lstm import whole

        return whole(x, self.w_ih, self.w_hh, self.bias, self.norm.weight, self.norm.bias, self.norm.eps)

    def triton(self, x: Tensor) -> Tensor:
        """One matrix product and one kernel per step, in each direction of the pass."""
        from rnnbench.variants.kernels.ln_lstm import whole

        return whole(x, self.w_ih, self.w_hh, self.bias, self.norm.weight, self.norm.bias, self.norm.eps)


class _Whole(torch.autograd.Function):
    """Only the part that depends on h runs step by step; the gradients of all weights are computed once, after the loop."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, gain: Tensor, shift: Tensor, eps: float) -> Tensor:
        """x: (seq_len, batch, inputs) → h: (seq_len, batch, hidden)."""
        low = product_type(x)
        with exact(x):
            (steps, batch, _), size, wide = x.shape, w_hh.shape[1], wide_type(low)
            gates = product(x.to(low), w_ih.to(low), bias.to(low))
            acts = gates if low == wide else torch.empty_like(gates, dtype=wide)  # in place if the formats agree
            c = acts.new_zeros(steps + 1, batch, size)
            raw = torch.empty_like(c[1:])
            times_u = Product(w_hh.to(low), batch)
            norms: list[tuple[Tensor, ...]] = []
            for t, (before, after) in enumerate(pairwise(c.unbind(0))):
                pre = times_u(norms[-1][0].to(low), gates[t]) if t else gates[t]
                i, f, g, o = activate(pre, acts[t], size)
                torch.mul(f, before, out=after).addcmul_(i, g)
                torch.tanh(after, out=raw[t]).mul_(o)
                norms.append(torch.native_layer_norm(raw[t], [size], gain, shift, eps))
            h, means, scales = (torch.stack(parts) for parts in zip(*norms, strict=True))
            ctx.save_for_backward(x, w_ih, w_hh, gain, shift, acts, c, raw, h, means, scales)
            ctx.low = low
        return h

    @staticmethod
    @once
    def backward(ctx: Any, d_y: Tensor) -> tuple[Tensor | None, ...]:
        """d_y: (seq_len, batch, hidden)."""
        x, w_ih, w_hh, gain, shift, acts, c, raw, h, means, scales = ctx.saved_tensors
        low = ctx.low
        with exact(x):
            steps, batch, size = h.shape
            times_ut = Product(w_hh.to(low).t(), batch)
            d_gates = torch.empty_like(acts, dtype=low)
            d_hs, d_c = [d_y[-1]], torch.zeros_like(c[0])
            for block in blocks_backwards(steps, x.device):
                slopes = Slopes(acts[block], c[block.start : block.stop + 1])
                for t in range(block.stop - 1, block.start - 1, -1):
                    d_raw = layer_norm_backward(d_hs[-1], raw[t], [size], means[t], scales[t], gain, shift, [True, False, False])[0]
                    slopes.gates(t - block.start, d_raw, d_c, d_gates[t])
                    if t:
                        d_hs.append(times_ut(d_gates[t], d_y[t - 1]) if low == d_y.dtype else d_y[t - 1] + times_ut(d_gates[t]))
            d_h = torch.stack(d_hs[::-1])
            _, d_gain, d_shift = layer_norm_backward(d_h, raw, [size], means, scales, gain, shift, [False, True, True])
            d_x = product(d_gates, w_ih.to(low).t()).to(x.dtype) if ctx.needs_input_grad[0] else None
            d_w_ih = weight_gradient(d_gates, x.to(low)).to(w_ih.dtype)
            d_w_hh = weight_gradient(d_gates[1:], h[:-1].to(low)).to(w_hh.dtype)
            d_bias = d_gates.flatten(0, 1).sum(0).to(w_hh.dtype)
        return d_x, d_w_ih, d_w_hh, d_bias, d_gain.to(gain.dtype), d_shift.to(gain.dtype), None


@variant(
    implementations=WAYS,
    source="layer norm of arXiv 1607.06450 on h alone; its own LSTM is ln_lstm_gates",
    flops=COSTS.flops,
    parameters=COSTS.parameters,
    state_size=COSTS.state_size,
)
def ln_lstm(case: Case) -> nn.Module:
    """LSTM with layer norm on its hidden state."""
    return directed(case, LayerNormLstm)
