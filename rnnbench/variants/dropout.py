"""LSTM with dropout between its layers but not between time steps: p = 0.2."""

from torch import nn

from rnnbench.case import Case
from rnnbench.variants import lstm
from rnnbench.variants._registry import variant
from rnnbench.variants._stack import sizes, stack

P = 0.2


@variant(
    implementations=lstm.WAYS,
    source="arXiv 1409.2329",
    flops=lstm.COSTS.flops,
    parameters=lstm.COSTS.parameters,
    state_size=lstm.COSTS.state_size,
)
def drop_lstm(case: Case) -> nn.Module:
    """LSTM with dropout of 0.2 between its layers."""
    return stack(case, lambda: nn.LSTM(dropout=P if case.depth > 1 else 0.0, **sizes(case)), lstm.STEPS, states=2)
