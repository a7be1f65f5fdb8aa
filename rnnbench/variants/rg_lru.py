"""RG-LRU, the gated linear recurrence of Hawk and Griffin, on a linear projection of its input."""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from rnnbench.case import Case
from rnnbench.variants._costs import Costs
from rnnbench.variants._deep import Layer, State, directed, uniform, weight
from rnnbench.variants._passes import wide_type
from rnnbench.variants._product import linear
from rnnbench.variants._registry import variant
from rnnbench.variants._scan import doubling, linear_recurrence

POWER = 8.0  # the paper's c
SLOWEST, FASTEST = 0.999, 0.9  # initial decay at an open gate, drawn uniformly between the two
COSTS = Costs(
    products=lambda inputs, hidden: hidden * inputs + 2 * hidden * hidden,
    parameters_of=lambda inputs, hidden: hidden * (inputs + 1) + 2 * hidden * (hidden + 1) + hidden,
    state=lambda _, hidden: hidden,
)


class RgLru(Layer):
    """u = P x + p; r, i = σ(W u + w); a = σ(Λ)^(8 r); h' = a h + √(1 − a²) i u."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.w_in, self.b_in = weight(self.hidden, self.inputs), weight(self.hidden)
        self.w_gates, self.b_gates = weight(2 * self.hidden, self.hidden), weight(2 * self.hidden)
        uniform(self.w_in, self.b_in, self.w_gates, self.b_gates, hidden=self.hidden)
        decay = torch.empty(self.hidden).uniform_(FASTEST, SLOWEST) ** (1 / POWER)
        self.decay = nn.Parameter(decay.logit())

    def project(self, x: Tensor) -> Tensor:
        """u and both gates before σ: (…, inputs) → (…, 3 · hidden)."""
        return torch.cat(self.input_and_gates(x), -1)

    def input_and_gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(…, inputs) → u (…, hidden) and both gates before σ (…, 2 · hidden)."""
        u = linear(x, self.w_in, self.b_in)
        return u, linear(u, self.w_gates, self.b_gates)

    def coefficients(self, u: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
        """u: (…, hidden), gates: (…, 2 · hidden) → a and b of h' = a h + b, (…, hidden) each."""
        r, i = gates.to(wide_type(gates.dtype)).chunk(2, -1)
        log_a = POWER * logsigmoid(self.decay) * r.sigmoid()
        kept = -torch.expm1(2 * log_a)  # 1 − a², without cancellation
        return log_a.exp(), kept.clamp(min=1e-12).sqrt() * i.sigmoid() * u

    def recur(self, p: Tensor, state: State) -> tuple[Tensor, State]:
        """One step of the recurrence."""
        a, b = self.coefficients(*p.split((self.hidden, 2 * self.hidden), -1))
        h = a * state[0] + b
        return h, (h,)

    def scan(self, x: Tensor) -> Tensor:
        """A parallel scan by doubling."""
        return doubling(*self.coefficients(*self.input_and_gates(x)))

    def fused(self, x: Tensor) -> Tensor:
        """Gates for all steps at once, then one pass over time in each direction of the pass."""
        return linear_recurrence(*self.coefficients(*self.input_and_gates(x)))

    def triton(self, x: Tensor) -> Tensor:
        """Gates and recurrence in one kernel, in each direction of the pass."""
        from rnnbench.variants.kernels.linear import recurrence

        u, gates = self.input_and_gates(x)
        return recurrence("rg_lru", gates, u, POWER * logsigmoid(self.decay))


@variant(
    implementations=("loop", "hoisted", "scan", "fused", "triton"),
    source="arXiv 2402.19427, without convolution and gated branch",
    flops=COSTS.flops,
    parameters=COSTS.parameters,
    state_size=COSTS.state_size,
)
def rg_lru(case: Case) -> nn.Module:
    """Real-gated linear recurrent unit (Hawk)."""
    return directed(case, RgLru)
