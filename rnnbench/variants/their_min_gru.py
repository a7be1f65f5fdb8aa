"""minGRU by the package minGRU-pytorch, which computes in logarithms and has no biases. A reference for `min_gru`."""

from typing import Any

from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants._attention import Affine
from rnnbench.variants._costs import inputs_of
from rnnbench.variants._deep import directed
from rnnbench.variants._registry import variant

PACKAGE = "minGRU_pytorch"


class TheirMinGru(nn.Module):
    """(seq_len, batch, inputs) → (seq_len, batch, hidden), after a projection if the sizes differ, because theirs has a single size."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        from minGRU_pytorch import minGRU

        inputs, hidden = case.input_size, case.hidden_size
        self.enter = nn.Identity() if inputs == hidden else Affine(inputs, hidden, bias=False)
        self.theirs: Any = minGRU(hidden)

    def forward(self, x: Tensor) -> Tensor:
        """The package expects the batch dimension first."""
        read: Tensor = self.theirs(self.enter(x).transpose(0, 1))
        return read.transpose(0, 1)


def products(case: Case) -> int:
    """Multiply-adds per step, which equal the number of weights."""
    hidden, ways = case.hidden_size, 2 if case.bidirectional else 1
    return ways * sum(2 * hidden**2 + (0 if inputs == hidden else inputs * hidden) for inputs in inputs_of(case))


@variant(
    source="github.com/lucidrains/minGRU-pytorch; arXiv 2410.01201",
    flops=lambda case: 2 * case.batch_size * case.seq_len * products(case),
    parameters=products,
    package=PACKAGE,
)
def their_min_gru(case: Case) -> nn.Module:
    """minGRU by the package minGRU-pytorch."""
    return directed(case, TheirMinGru)
