"""Speech: a deep LSTM on acoustic frames, a linear layer, and a shallower LSTM of half its size; letters are the task's affair (CTC).

The field's common size is 5 layers of 256 both ways on 40 filter banks, linear 512 → 128, and 3 layers of 128.
"""

from dataclasses import replace

from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants import lstm
from rnnbench.variants._attention import Affine
from rnnbench.variants._decode import Chain, Each, Streaming, streaming
from rnnbench.variants._deep import features
from rnnbench.variants._registry import variant
from rnnbench.variants.residual import first


class Speech(nn.Module):
    """(seq_len, batch, input_size) → (seq_len, batch, hidden_size / 2)."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        top = upper(case)
        self.below, self.narrow, self.above = lstm.lstm(case), Affine(features(case), top.input_size), lstm.lstm(top)

    def forward(self, x: Tensor) -> Tensor:
        """Frames up, narrowed, and up again."""
        return first(self.above(self.narrow(first(self.below(x)))))

    def stream(self, name: str) -> Streaming:
        """The three in turn."""
        return Chain([streaming(self.below, name), Each(self.narrow), streaming(self.above, name)])


def upper(case: Case) -> Case:
    """The network above: three layers to five below, half as wide, one way."""
    size = max(1, case.hidden_size // 2)
    return replace(case, depth=max(1, round(case.depth * 3 / 5)), input_size=size, hidden_size=size, bidirectional=False)


def between(case: Case) -> int:
    """Products of the linear layer for each step; its bias comes on top as weights."""
    return features(case) * upper(case).hidden_size


@variant(
    implementations=lstm.WAYS,
    source="arXiv 1303.5778; CTC doi 10.1145/1143844.1143891",
    flops=lambda case: lstm.COSTS.flops(case) + lstm.COSTS.flops(upper(case)) + 2 * case.batch_size * case.seq_len * between(case),
    parameters=lambda case: lstm.COSTS.parameters(case) + lstm.COSTS.parameters(upper(case)) + between(case) + upper(case).hidden_size,
    state_size=lambda case: lstm.COSTS.state_size(case) + lstm.COSTS.state_size(upper(case)),
)
def speech(case: Case) -> nn.Module:
    """Deep LSTM, a linear layer, and a shallower LSTM: an acoustic model."""
    return Speech(case)
