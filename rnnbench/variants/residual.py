"""Residual LSTMs: each layer's output is added to its input, which is projected if the sizes differ.

This is the sum between layers of Google's translation system (arXiv 1609.08144). The shortcut of arXiv 1701.03360, inside the
cell and before its output gate, is another network.
"""

from collections.abc import Callable

from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants import layer_norm_lstm, lstm
from rnnbench.variants._costs import same_or_projected
from rnnbench.variants._decode import Around, Streaming, streaming
from rnnbench.variants._deep import deep, features
from rnnbench.variants._product import linear
from rnnbench.variants._registry import variant

SOURCE = "arXiv 1609.08144, section 3.1: x + LSTM(x); projected where sizes differ"
COSTS = lstm.COSTS.around(same_or_projected, same_or_projected)
LN_COSTS = layer_norm_lstm.COSTS.around(same_or_projected, same_or_projected)


class Residual(nn.Module):
    """(seq_len, batch, inputs) → (seq_len, batch, features): x or P x, plus the layer's output."""

    def __init__(self, case: Case, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.past = past(case)

    def forward(self, x: Tensor) -> Tensor:
        """The sum."""
        return self.join(x, first(self.layer(x)))

    def join(self, x: Tensor, y: Tensor) -> Tensor:
        """The input x, projected if necessary, plus the layer's output y."""
        made: Tensor = self.past(x) + y
        return made

    def stream(self, name: str) -> Streaming:
        """One step at a time."""
        return Around(streaming(self.layer, name), self.join)


class Projection(nn.Linear):
    """P x, without bias."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Linear's name
        """(…, inputs) → (…, features)."""
        return linear(input, self.weight)


def past(case: Case) -> nn.Module:
    """The skip connection of a layer: the identity if the sizes agree, otherwise a projection."""
    return nn.Identity() if case.input_size == features(case) else Projection(case.input_size, features(case), bias=False)


def first(made: Tensor | tuple[Tensor, ...]) -> Tensor:
    """The output alone: torch's own networks also return their last state."""
    return made if isinstance(made, Tensor) else made[0]


def residual(case: Case, layer: Callable[[Case], nn.Module]) -> nn.Module:
    """A stack of layers with skip connections. `layer` builds one layer from a case of depth 1."""
    return deep(case, lambda one: Residual(one, layer(one)))


@variant(implementations=lstm.WAYS, source=SOURCE, flops=COSTS.flops, parameters=COSTS.parameters, state_size=COSTS.state_size)
def res_lstm(case: Case) -> nn.Module:
    """LSTM with residual connections."""
    return residual(case, lstm.lstm)


@variant(
    implementations=layer_norm_lstm.WAYS,
    source=f"{SOURCE}; norm as in ln_lstm",
    flops=LN_COSTS.flops,
    parameters=LN_COSTS.parameters,
    state_size=LN_COSTS.state_size,
)
def res_ln_lstm(case: Case) -> nn.Module:
    """LSTM with residual connections and layer norm."""
    return residual(case, layer_norm_lstm.ln_lstm)
