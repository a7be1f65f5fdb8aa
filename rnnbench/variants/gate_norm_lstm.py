"""LSTM with layer norm inside: on W x, on U h and on the cell before the output gate."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants._costs import Costs
from rnnbench.variants._deep import Layer, State, directed, uniform, weight
from rnnbench.variants._gates import activate
from rnnbench.variants._passes import exact, once, product_type, run, wide_type
from rnnbench.variants._product import Product, linear, weight_gradient
from rnnbench.variants._registry import variant
from rnnbench.variants.kernels import WIDEST_GATE_NORM

GAIN = 0.1
"""Initial gain of the norm on U h, after arXiv 1603.09025: with 1 the recurrence is chaotic and gradients overflow over time."""
BIAS = 0.25
"""Gate biases are drawn between ± this value. With zero biases, a zero input leaves h and c at zero, where a norm multiplies gradients
by 1/√ε."""
norm_backward: Any = torch.ops.aten.native_layer_norm_backward
COSTS = Costs(
    products=lambda inputs, hidden: 4 * hidden * (inputs + hidden),
    parameters_of=lambda inputs, hidden: 4 * hidden * (inputs + hidden + 3) + 2 * hidden,
    state=lambda _, hidden: 2 * hidden,
)


class GateNormLstm(Layer):
    """Gates in torch's order i, f, g, o. The norm of U h has no shift: the shift of W x's norm serves both."""

    widest = WIDEST_GATE_NORM

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.w_ih, self.w_hh = weight(4 * self.hidden, self.inputs), weight(4 * self.hidden, self.hidden)
        self.norm_x, self.norm_h = nn.LayerNorm(4 * self.hidden), nn.LayerNorm(4 * self.hidden, bias=False)
        self.norm_c = nn.LayerNorm(self.hidden)
        uniform(self.w_ih, self.w_hh, hidden=self.hidden)
        nn.init.uniform_(self.norm_x.bias, -BIAS, BIAS)
        nn.init.constant_(self.norm_h.weight, GAIN)

    def start(self, x: Tensor) -> State:
        """h and c of zero."""
        return super().start(x) * 2

    def project(self, x: Tensor) -> Tensor:
        """LN(W x): (…, inputs) → (…, 4 · hidden)."""
        projected: Tensor = self.norm_x(linear(x, self.w_ih))
        return projected

    def recur(self, p: Tensor, state: State) -> tuple[Tensor, State]:
        """i, f, g, o = p + LN(U h); c' = σ(f) c + σ(i) tanh(g); h' = σ(o) tanh(LN(c'))."""
        h, c = state
        i, f, g, o = (p + self.norm_h(nn.functional.linear(h, self.w_hh))).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * self.norm_c(c).tanh()
        return h, (h, c)

    def fused(self, x: Tensor) -> Tensor:
        """The whole sequence with a hand-written backward pass."""
        low = product_type(x)
        p = self.project(x).to(wide_type(low))
        inner = self.norm_h.weight, self.norm_c.weight, self.norm_c.bias
        return run(_Whole, p, self.w_hh, *inner, self.norm_c.eps, low)

    def triton(self, x: Tensor) -> Tensor:
        """One matrix product and one kernel per step, in each direction of the pass."""
        from rnnbench.variants.kernels.gate_norm_lstm import whole

        p = self.project(x).to(product_type(x))
        return whole(p, self.w_hh, self.norm_h.weight, self.norm_c.weight, self.norm_c.bias, self.norm_c.eps)


class _Whole(torch.autograd.Function):
    """Only the part that depends on h runs step by step; the gradients of U and of the norms are computed once, after the loop."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, w_hh: Tensor, gain_h: Tensor, gain_c: Tensor, shift_c: Tensor, eps: float, low: torch.dtype) -> Tensor:
        """p: (seq_len, batch, 4 · hidden) → h: (seq_len, batch, hidden). Products run in `low`, all else in p's format."""
        with exact(p):
            steps, batch, wide = p.shape
            size = wide // 4
            acts, c = torch.empty_like(p), p.new_zeros(steps + 1, batch, size)
            h, tanh_c = torch.empty_like(c[1:]), torch.empty_like(c[1:])  # tanh_c: tanh(LN(c))
            u_h = torch.zeros_like(p)
            times_u = Product(w_hh.to(low), batch)
            norms_h: list[tuple[Tensor, ...]] = []
            norms_c: list[tuple[Tensor, ...]] = []
            for t, (before, after) in enumerate(pairwise(c.unbind(0))):
                if t:
                    u_h[t].copy_(times_u(h[t - 1].to(low)))
                norms_h.append(torch.native_layer_norm(u_h[t], [wide], gain_h, None, eps))
                i, f, g, o = activate(torch.add(p[t], norms_h[-1][0], out=acts[t]), acts[t], size)
                torch.mul(f, before, out=after).addcmul_(i, g)
                norms_c.append(torch.native_layer_norm(after, [size], gain_c, shift_c, eps))
                torch.tanh(norms_c[-1][0], out=tanh_c[t])
                torch.mul(o, tanh_c[t], out=h[t])
            moments = (torch.stack([one[k] for one in norms]) for norms in (norms_h, norms_c) for k in (1, 2))
            ctx.save_for_backward(w_hh, gain_h, gain_c, shift_c, acts, c, h, tanh_c, u_h, *moments)
            ctx.low = low
        return h

    @staticmethod
    @once
    def backward(ctx: Any, d_y: Tensor) -> tuple[Tensor | None, ...]:
        """d_y: (seq_len, batch, hidden)."""
        w_hh, gain_h, gain_c, shift_c, acts, c, h, tanh_c, u_h, mean_h, scale_h, mean_c, scale_c = ctx.saved_tensors
        low = ctx.low
        with exact(d_y):
            steps, batch, size = h.shape
            i, f, g, o = acts.chunk(4, -1)
            to_norm = torch.addcmul(o, o * tanh_c, tanh_c, value=-1)  # o (1 − tanh²)
            to_o = tanh_c * o * (1 - o)
            to_ifg = torch.cat((g * i * (1 - i), c[:-1] * f * (1 - f), i * (1 - g * g)), -1).view(steps, batch, 3, size)
            times_ut = Product(w_hh.to(low).t(), batch)
            d_p, d_uh = torch.empty_like(acts), torch.zeros_like(acts, dtype=low)
            d_normed = torch.empty_like(h)
            d_h, d_c = d_y[-1], torch.zeros_like(c[0])
            for t in range(steps - 1, -1, -1):
                torch.mul(d_h, to_norm[t], out=d_normed[t])
                d_c += norm_backward(d_normed[t], c[t + 1], [size], mean_c[t], scale_c[t], gain_c, shift_c, [True, False, False])[0]
                torch.mul(d_c[:, None], to_ifg[t], out=d_p[t, :, : 3 * size].view(batch, 3, size))
                torch.mul(d_h, to_o[t], out=d_p[t, :, 3 * size :])
                if t:
                    d_c.mul_(f[t])
                    back = norm_backward(d_p[t], u_h[t], [4 * size], mean_h[t], scale_h[t], gain_h, None, [True, False, False])[0]
                    d_uh[t].copy_(back)
                    d_h = d_y[t - 1] + times_ut(d_uh[t])
            d_gain_h = norm_backward(d_p, u_h, [4 * size], mean_h, scale_h, gain_h, None, [False, True, False])[1]
            _, d_gain_c, d_shift_c = norm_backward(d_normed, c[1:], [size], mean_c, scale_c, gain_c, shift_c, [False, True, True])
            d_w = weight_gradient(d_uh[1:], h[:-1].to(low)).to(w_hh.dtype)
        return d_p, d_w, d_gain_h, d_gain_c, d_shift_c, None, None


@variant(
    implementations=("loop", "hoisted", "fused", "triton"),
    source="arXiv 1607.06450, equations 20-22; gain at the start 1603.09025",
    flops=COSTS.flops,
    parameters=COSTS.parameters,
    state_size=COSTS.state_size,
)
def ln_lstm_gates(case: Case) -> nn.Module:
    """LSTM with layer norm on its gates and its cell."""
    return directed(case, GateNormLstm)
