"""Simple recurrent unit: light gates that read the cell elementwise, and a highway connection.

The paper's scaling correction of the highway (a constant factor on x, √3 if the reset gate starts at a half) is left out: it
changes how training starts, not the cost of a step.
"""

from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants._costs import Costs
from rnnbench.variants._deep import Layer, State, directed, uniform, weight
from rnnbench.variants._passes import once, wide_type
from rnnbench.variants._product import linear
from rnnbench.variants._registry import variant
from rnnbench.variants._scan import backwards


def products(inputs: int, hidden: int) -> int:
    """Multiply-adds of the candidate and two gates, and of a fourth product for the highway if the sizes differ."""
    return (3 if inputs == hidden else 4) * hidden * inputs


COSTS = Costs(products, parameters_of=lambda inputs, hidden: products(inputs, hidden) + 4 * hidden, state=lambda _, hidden: hidden)


class Sru(Layer):
    """The state is the cell c, from which the output h is computed. `v` and `b` hold the forget gate's half, then the reset gate's."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.same = self.inputs == self.hidden
        self.weight = weight(products(self.inputs, self.hidden) // self.inputs, self.inputs)
        self.v, self.b = weight(2, self.hidden), weight(2, self.hidden)
        uniform(self.weight, self.v, self.b, hidden=self.hidden)

    def project(self, x: Tensor) -> Tensor:
        """Candidate, both gates' part from x, and the highway's input: (…, inputs) → (…, 4 · hidden)."""
        p = linear(x, self.weight)
        return torch.cat((p, x.to(p.dtype)), -1) if self.same else p

    def recur(self, p: Tensor, state: State) -> tuple[Tensor, State]:
        """f, r = σ(W x + v ⊙ c + b); c' = f c + (1 − f) u; h = r c' + (1 − r) x."""
        (c,) = state
        u, f, r, x = p.chunk(4, -1)
        f = (f + self.v[0] * c + self.b[0]).sigmoid()
        r = (r + self.v[1] * c + self.b[1]).sigmoid()
        c = f * c + (1 - f) * u
        return r * c + (1 - r) * x, (c,)

    def fused(self, x: Tensor) -> Tensor:
        """A loop of three small calls per step for the cells. The output and, except for one scan, the gradients are computed for all
        steps at once."""
        p = linear(x, self.weight)
        parts = p.to(wide_type(p.dtype)).chunk(3 if self.same else 4, -1)
        u, to_f, to_r = parts[:3]
        cells: Any = _Cells
        c, before = cells.apply(u, to_f + self.b[0], self.v[0])
        r = torch.addcmul(to_r + self.b[1], self.v[1], before).sigmoid()
        return torch.lerp(x.to(c.dtype) if self.same else parts[3], c, r)

    def triton(self, x: Tensor) -> Tensor:
        """Cells, gates and outputs in one kernel, in each direction of the pass."""
        from rnnbench.variants.kernels.sru import recurrence

        return recurrence(linear(x, self.weight), x if self.same else None, self.v, self.b)


class _Cells(torch.autograd.Function):
    """c' = f c + (1 − f) u with f = σ(p + v ⊙ c). The backward pass is a linear recurrence: dc = d + (f + (c − u) f (1 − f) v) dc'."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, p: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """u, p: (seq_len, batch, hidden), v: (hidden) → the cells after and before each step."""
        c, f = u.new_zeros(len(u) + 1, *u.shape[1:]), torch.empty_like(u)
        cells, gates = c.unbind(0), f.unbind(0)
        v = v.to(u.dtype)
        for t, (u_t, p_t) in enumerate(zip(u.unbind(0), p.unbind(0), strict=True)):
            gate = torch.addcmul(p_t, v, cells[t], out=gates[t]).sigmoid_()
            torch.lerp(u_t, cells[t], gate, out=cells[t + 1])
        ctx.save_for_backward(u, v, c, f)
        return c[1:].clone(), c[:-1].clone()

    @staticmethod
    @once
    def backward(ctx: Any, d_after: Tensor, d_before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Both gradients: (seq_len, batch, hidden)."""
        u, v, c, f = ctx.saved_tensors
        slope = (c[:-1] - u) * f * (1 - f)  # of c' by p
        given = d_after.clone()
        given[:-1] += d_before[1:]
        d_c = backwards(torch.addcmul(f, slope, v), given)
        d_p = d_c * slope
        return d_c * (1 - f), d_p, (d_p * c[:-1]).flatten(0, 1).sum(0)


@variant(
    implementations=("loop", "hoisted", "fused", "triton"),
    source="arXiv 1709.02755, version 5, without the scaling factor of the highway",
    flops=COSTS.flops,
    parameters=COSTS.parameters,
    state_size=COSTS.state_size,
)
def sru(case: Case) -> nn.Module:
    """Simple recurrent unit."""
    return directed(case, Sru)
