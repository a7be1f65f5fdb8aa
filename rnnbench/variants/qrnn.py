"""Quasi-recurrent network: a causal convolution of width 2 computes the gates, and fo-pooling updates the cell."""

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants._costs import Costs
from rnnbench.variants._deep import Layer, State, directed, uniform, weight
from rnnbench.variants._passes import wide_type
from rnnbench.variants._product import linear
from rnnbench.variants._registry import variant
from rnnbench.variants._scan import doubling, linear_recurrence

WINDOW = 2
COSTS = Costs(
    products=lambda inputs, hidden: 3 * hidden * WINDOW * inputs,
    parameters_of=lambda inputs, hidden: 3 * hidden * (WINDOW * inputs + 1),
    state=lambda inputs, hidden: hidden + inputs,
)


class Qrnn(Layer):
    """The state is the cell c and the previous step's input."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.weight, self.bias = weight(3 * self.hidden, WINDOW * self.inputs), weight(3 * self.hidden)
        uniform(self.weight, self.bias, hidden=self.hidden)

    def start(self, x: Tensor) -> State:
        """A zero cell and a zero previous input."""
        return (*super().start(x), torch.zeros_like(x))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step; the window is this input and the previous one."""
        c, before = state
        h, (c,) = self.recur(self.project(torch.cat((before, x), -1)), (c,))
        return h, (c, x)

    def project(self, x: Tensor) -> Tensor:
        """(…, 2 · inputs) → (…, 3 · hidden)."""
        return linear(x, self.weight, self.bias)

    def recur(self, p: Tensor, state: State) -> tuple[Tensor, State]:
        """z, f, o = tanh, σ, σ of p; c' = f c + (1 − f) z; h = o c'."""
        (c,) = state
        z, f, o = p.to(wide_type(p.dtype)).chunk(3, -1)
        f = f.sigmoid()
        c = f * c + (1 - f) * z.tanh()
        return o.sigmoid() * c, (c,)

    def windows(self, x: Tensor) -> Tensor:
        """(seq_len, batch, inputs) → (seq_len, batch, 2 · inputs)."""
        return torch.cat((nn.functional.pad(x[:-1], (0, 0, 0, 0, 1, 0)), x), -1)

    def hoisted(self, x: Tensor) -> Tensor:
        """The convolution for all steps, the pooling step by step."""
        state, outputs = (x.new_zeros(x.shape[1], self.hidden),), []
        for p in self.project(self.windows(x)).unbind(0):
            h, state = self.recur(p, state)  # type: ignore[assignment]
            outputs.append(h)
        return torch.stack(outputs)

    def pooled(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """a and b of c' = a c + b, and the output gate."""
        p = self.project(self.windows(x))
        z, f, o = p.to(wide_type(p.dtype)).chunk(3, -1)
        return f.sigmoid(), (-f).sigmoid() * z.tanh(), o.sigmoid()

    def scan(self, x: Tensor) -> Tensor:
        """The pooling as a parallel scan by doubling."""
        a, b, o = self.pooled(x)
        return o * doubling(a, b)

    def fused(self, x: Tensor) -> Tensor:
        """One pass over time in each direction of the pass."""
        a, b, o = self.pooled(x)
        return o * linear_recurrence(a, b)

    def triton(self, x: Tensor) -> Tensor:
        """Gates and pooling in one kernel, in each direction of the pass."""
        from rnnbench.variants.kernels.linear import recurrence

        return recurrence("qrnn", self.project(self.windows(x)))


@variant(
    implementations=("loop", "hoisted", "scan", "fused", "triton"),
    source="arXiv 1611.01576",
    flops=COSTS.flops,
    parameters=COSTS.parameters,
    state_size=COSTS.state_size,
)
def qrnn(case: Case) -> nn.Module:
    """Quasi-recurrent network with a window of 2 and fo-pooling."""
    return directed(case, Qrnn)
