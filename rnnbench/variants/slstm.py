"""sLSTM of xLSTM: exponential gates with a normaliser and a stabiliser, the state mixed within heads."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from rnnbench.case import Case
from rnnbench.variants._costs import Costs, heads_of
from rnnbench.variants._deep import Layer, State, directed, uniform, weight
from rnnbench.variants._gates import blocks_backwards
from rnnbench.variants._passes import exact, once, product_type, run, wide_type
from rnnbench.variants._product import linear
from rnnbench.variants._registry import variant

COSTS = Costs(
    products=lambda inputs, hidden: 4 * hidden * (inputs + hidden // heads_of(hidden)),
    parameters_of=lambda inputs, hidden: 4 * hidden * (inputs + hidden // heads_of(hidden) + 1),
    state=lambda _, hidden: 4 * hidden,
)


class Slstm(Layer):
    """Gates i, f, z, o of each head are adjacent: projections are (…, heads · 4 · part), states (heads, batch, part)."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.heads = heads_of(self.hidden)
        self.part = self.hidden // self.heads
        self.w, self.bias = weight(4 * self.hidden, self.inputs), weight(4 * self.hidden)
        self.u = weight(self.heads, self.part, 4 * self.part)
        uniform(self.w, self.bias, self.u, hidden=self.hidden)

    def start(self, x: Tensor) -> State:
        """h, c and n are zero; the stabiliser m is below every gate."""
        zero = x.new_zeros(self.heads, len(x), self.part)
        return zero, zero, zero, torch.full_like(zero, -torch.inf)

    def project(self, x: Tensor) -> Tensor:
        """W x + b: (…, inputs) → (…, 4 · hidden)."""
        return linear(x, self.w, self.bias)

    def recur(self, p: Tensor, state: State) -> tuple[Tensor, State]:
        """i, f, z, o = p + U h; m' = max(i, log σ(f) + m); h' = σ(o) c' / n'.

        c' = e^(log σ(f) + m − m') c + e^(i − m') tanh(z), and n' the same with 1 for tanh(z).
        """
        h, c, n, m = state
        mixed = self.apart(p) + h @ self.u
        i, f, z, o = mixed.to(wide_type(mixed.dtype)).chunk(4, -1)
        kept = logsigmoid(f) + m
        m = torch.maximum(i, kept)
        forget, enter = (kept - m).exp(), (i - m).exp()
        c, n = forget * c + enter * z.tanh(), forget * n + enter
        h = o.sigmoid() * c / n
        y: Tensor = h.transpose(0, 1).flatten(1)
        return y, (h, c, n, m)

    def apart(self, p: Tensor) -> Tensor:
        """(…, batch, heads · 4 · part) → (…, heads, batch, 4 · part)."""
        heads: Tensor = p.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        return heads

    def fused(self, x: Tensor) -> Tensor:
        """The whole sequence with a hand-written backward pass."""
        low = product_type(x)
        p = self.apart(self.project(x)).to(wide_type(low)).contiguous()
        y: Tensor = run(_Whole, p, self.u, low).transpose(1, 2).flatten(2)
        return y

    def triton(self, x: Tensor) -> Tensor:
        """One product for all heads and one kernel per step, in each direction of the pass."""
        from rnnbench.variants.kernels.slstm import whole

        y: Tensor = whole(self.apart(self.project(x)), self.u).transpose(1, 2).flatten(2)
        return y


class _Whole(torch.autograd.Function):
    """The stabiliser cancels in c / n, so it has no gradient."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, u: Tensor, low: torch.dtype) -> Tensor:
        """p: (seq_len, heads, batch, 4 · part), u: (heads, part, 4 · part) → h: (seq_len, heads, batch, part)."""
        with exact(p):
            times_u = u.to(low)
            steps, part = len(p), p.shape[-1] // 4
            acts = torch.empty_like(p)  # of i, f, z, o: entering, forgetting, tanh z, σ o
            shut = p.new_empty(*p.shape[:-1], part)  # 1 − σ(f)
            h = torch.empty_like(shut)
            c, n = p.new_zeros(steps + 1, *shut.shape[1:]), p.new_zeros(steps + 1, *shut.shape[1:])
            m = torch.full_like(c[0], -torch.inf)
            for t in range(steps):
                mixed = p[t] + torch.bmm(h[t - 1].to(low), times_u) if t else p[t]
                i, f, z, o = mixed.chunk(4, -1)
                enter, forget, tanh_z, out = acts[t].chunk(4, -1)
                torch.sigmoid(-f, out=shut[t])
                kept = logsigmoid(f).add_(m)
                m = torch.maximum(i, kept)
                torch.sub(i, m, out=enter).exp_()
                torch.sub(kept, m, out=forget).exp_()
                torch.tanh(z, out=tanh_z)
                torch.sigmoid(o, out=out)
                torch.mul(forget, c[t], out=c[t + 1]).addcmul_(enter, tanh_z)
                torch.addcmul(enter, forget, n[t], out=n[t + 1])
                torch.div(c[t + 1], n[t + 1], out=h[t]).mul_(out)
            ctx.save_for_backward(acts, shut, c, n, h, u)
            ctx.low = low
        return h

    @staticmethod
    @once
    def backward(ctx: Any, d_y: Tensor) -> tuple[Tensor | None, ...]:
        """d_y: (seq_len, heads, batch, part)."""
        acts, shut, c, n, h, u = ctx.saved_tensors
        low = ctx.low
        with exact(d_y):
            times_ut = u.to(low).transpose(1, 2)
            d_p = torch.empty_like(acts)
            d_h, d_c, d_n = d_y[-1], torch.zeros_like(c[0]), torch.zeros_like(n[0])
            for block in blocks_backwards(len(h), d_y.device):
                enter, forget, z, o = acts[block].chunk(4, -1)
                after = slice(block.start + 1, block.stop + 1)
                y, to_c = c[after] / n[after], o / n[after]
                to_n, to_z, to_iz = -to_c * y, enter * (1 - z * z), enter * z
                to_f = forget * shut[block]
                to_fc, to_fn, to_o = to_f * c[block], to_f * n[block], y * o * (1 - o)
                for t in range(block.stop - block.start - 1, -1, -1):
                    at = block.start + t
                    d_c.addcmul_(d_h, to_c[t])
                    d_n.addcmul_(d_h, to_n[t])
                    d_i, d_f, d_z, d_o = d_p[at].chunk(4, -1)
                    torch.mul(d_c, to_iz[t], out=d_i).addcmul_(d_n, enter[t])
                    torch.mul(d_c, to_fc[t], out=d_f).addcmul_(d_n, to_fn[t])
                    torch.mul(d_c, to_z[t], out=d_z)
                    torch.mul(d_h, to_o[t], out=d_o)
                    if at:
                        d_c.mul_(forget[t])
                        d_n.mul_(forget[t])
                        d_h = d_y[at - 1] + torch.bmm(d_p[at].to(low), times_ut)
            before, rows = h[:-1].transpose(0, 1).flatten(1, 2).to(low), d_p[1:].transpose(0, 1).flatten(1, 2).to(low)
            d_u = torch.bmm(before.transpose(1, 2), rows).to(u.dtype)
        return d_p, d_u, None


@variant(
    implementations=("loop", "hoisted", "fused", "triton"),
    source="arXiv 2405.04517, without the block around it",
    flops=COSTS.flops,
    parameters=COSTS.parameters,
    state_size=COSTS.state_size,
)
def slstm(case: Case) -> nn.Module:
    """sLSTM of xLSTM: exponential gates, up to 4 heads."""
    return directed(case, Slstm)
