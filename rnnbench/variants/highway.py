"""Highway LSTM: an elementwise gate mixes a layer's output with its input."""

from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants import lstm
from rnnbench.variants._costs import same_or_projected
from rnnbench.variants._decode import Around, Streaming, streaming
from rnnbench.variants._deep import deep, features
from rnnbench.variants._product import linear
from rnnbench.variants._registry import variant
from rnnbench.variants.residual import first, past

CARRY = -1.0  # the gate's bias at the start: mostly carry, as the paper advises
COSTS = lstm.COSTS.around(
    products=lambda inputs, out: inputs * out + same_or_projected(inputs, out),
    parameters=lambda inputs, out: (inputs + 1) * out + same_or_projected(inputs, out),
)


class Highway(nn.Module):
    """(seq_len, batch, inputs) → (seq_len, batch, features)."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.layer = lstm.lstm(case)
        self.past = past(case)
        self.gate = nn.Linear(case.input_size, features(case))
        nn.init.constant_(self.gate.bias, CARRY)

    def forward(self, x: Tensor) -> Tensor:
        """t = σ(W x + b); y = t ⊙ LSTM(x) + (1 − t) ⊙ x, or P x if the sizes differ."""
        return self.join(x, first(self.layer(x)))

    def join(self, x: Tensor, y: Tensor) -> Tensor:
        """Mix the layer's output y with its input x by the gate."""
        carried = self.past(x)
        gate = linear(x, self.gate.weight, self.gate.bias).sigmoid()
        made: Tensor = carried + gate * (y - carried)
        return made

    def stream(self, name: str) -> Streaming:
        """One step at a time."""
        return Around(streaming(self.layer, name), self.join)


@variant(
    implementations=lstm.WAYS,
    source="arXiv 1505.00387, around LSTM layers",
    flops=COSTS.flops,
    parameters=COSTS.parameters,
    state_size=COSTS.state_size,
)
def highway_lstm(case: Case) -> nn.Module:
    """LSTM with highway connections between layers."""
    return deep(case, Highway)
