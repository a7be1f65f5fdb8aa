"""Forecasting: a deep GRU on a few measurements per step; the task adds the linear head. A common size is 3 layers, 10 → 64."""

from torch import nn

from rnnbench.case import Case
from rnnbench.variants import gru
from rnnbench.variants._registry import variant


@variant(
    implementations=("loop", "cell", "fused"),
    source="the GRU of gru, arXiv 1406.1078; as in doi 10.1016/j.ijforecast.2020.06.008",
    flops=gru.COSTS.flops,
    parameters=gru.COSTS.parameters,
    state_size=gru.COSTS.state_size,
)
def forecasting(case: Case) -> nn.Module:
    """Deep GRU that forecasts a series."""
    return gru.gru(case)
