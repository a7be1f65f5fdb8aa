"""minGRU and minLSTM: gates that depend only on the input, so that the recurrence is linear in h and can be computed by a scan.

Both start from a state of 0. The paper's parallel form starts from g(h₀), which is ½ for an h₀ of 0.
"""

from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from rnnbench.case import Case
from rnnbench.variants._costs import Costs
from rnnbench.variants._deep import Layer, State, directed, uniform, weight
from rnnbench.variants._passes import wide_type
from rnnbench.variants._product import linear
from rnnbench.variants._registry import variant
from rnnbench.variants._scan import doubling, linear_recurrence

SOURCE = "arXiv 2410.01201, appendix B: positive states, from a state of 0"
WAYS = ("loop", "hoisted", "scan", "fused", "triton")


def costs(gates: int) -> Costs:
    """Costs of `gates` products with the input and none with the state."""
    return Costs(
        products=lambda inputs, hidden: gates * hidden * inputs,
        parameters_of=lambda inputs, hidden: gates * hidden * (inputs + 1),
        state=lambda _, hidden: hidden,
    )


GRU_COSTS, LSTM_COSTS = costs(2), costs(3)


def positive(x: Tensor) -> Tensor:
    """g(x): x + ½ for x ≥ 0, otherwise σ(x); continuous and positive."""
    return x.relu() + x.clamp(max=0).sigmoid()


class MinRnn(Layer):
    """h' = a h + b, with a and b computed from the input. `gates` is the number of products."""

    gates: int
    family: str  # name in kernels.linear

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.weight, self.bias = weight(self.gates * self.hidden, self.inputs), weight(self.gates * self.hidden)
        uniform(self.weight, self.bias, hidden=self.hidden)

    def project(self, x: Tensor) -> Tensor:
        """W x + b: (…, inputs) → (…, gates · hidden)."""
        return linear(x, self.weight, self.bias)

    def coefficients(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """(…, gates · hidden) → a and b, (…, hidden) each."""
        raise NotImplementedError

    def recur(self, p: Tensor, state: State) -> tuple[Tensor, State]:
        """One step of the recurrence."""
        a, b = self.coefficients(p.to(wide_type(p.dtype)))
        h = a * state[0] + b
        return h, (h,)

    def scan(self, x: Tensor) -> Tensor:
        """A parallel scan by doubling."""
        p = self.project(x)
        return doubling(*self.coefficients(p.to(wide_type(p.dtype))))

    def fused(self, x: Tensor) -> Tensor:
        """Gates for all steps at once, then one pass over time in each direction of the pass."""
        p = self.project(x)
        return linear_recurrence(*self.coefficients(p.to(wide_type(p.dtype))))

    def triton(self, x: Tensor) -> Tensor:
        """Gates and recurrence in one kernel, in each direction of the pass."""
        from rnnbench.variants.kernels.linear import recurrence

        return recurrence(self.family, self.project(x))


class MinGru(MinRnn):
    """z = σ(p); h' = (1 − z) h + z g(q)."""

    gates, family = 2, "min_gru"

    def coefficients(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """a = 1 − z, b = z g(q)."""
        gate, value = p.chunk(2, -1)
        return (-gate).sigmoid(), gate.sigmoid() * positive(value)


class MinLstm(MinRnn):
    """f, i = σ(p), σ(q), normalised to a sum of one; h' = f h + i g(r)."""

    gates, family = 3, "min_lstm"

    def coefficients(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """a = f / (f + i), b = i / (f + i) · g(r), computed in logarithms, because both gates may round to 0."""
        forget, gate, value = p.chunk(3, -1)
        kept = logsigmoid(forget) - logsigmoid(gate)
        return kept.sigmoid(), (-kept).sigmoid() * positive(value)


@variant(implementations=WAYS, source=SOURCE, flops=GRU_COSTS.flops, parameters=GRU_COSTS.parameters, state_size=GRU_COSTS.state_size)
def min_gru(case: Case) -> nn.Module:
    """minGRU: a gate and a candidate from the input alone."""
    return directed(case, MinGru)


@variant(implementations=WAYS, source=SOURCE, flops=LSTM_COSTS.flops, parameters=LSTM_COSTS.parameters, state_size=LSTM_COSTS.state_size)
def min_lstm(case: Case) -> nn.Module:
    """minLSTM: two normalised gates and a candidate from the input alone."""
    return directed(case, MinLstm)
