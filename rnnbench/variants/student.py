"""A shallow student of a deep teacher: a quarter of its layers, at least one, of the same hidden size."""

from dataclasses import replace

from torch import nn

from rnnbench.case import Case
from rnnbench.variants import lstm
from rnnbench.variants._registry import variant

TIMES_SHALLOWER = 4


def shallow(case: Case) -> Case:
    """The student's own case; `depth` in `case` is its teacher's."""
    return replace(case, depth=max(1, case.depth // TIMES_SHALLOWER))


@variant(
    implementations=lstm.WAYS,
    source="arXiv 1503.02531",
    flops=lambda case: lstm.COSTS.flops(shallow(case)),
    parameters=lambda case: lstm.COSTS.parameters(shallow(case)),
    state_size=lambda case: lstm.COSTS.state_size(shallow(case)),
)
def student(case: Case) -> nn.Module:
    """LSTM with a quarter of the layers of its teacher, an LSTM of the given depth."""
    return lstm.lstm(shallow(case))
