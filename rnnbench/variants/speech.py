"""Speech: a deep LSTM on acoustic frames, a linear layer, and a shallower LSTM of half its size; the task adds the letters (CTC).

A common size is 5 bidirectional layers of 256 on 40 filter banks, a linear layer 512 → 128, and 3 layers of 128.
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
        """The lower LSTM, the linear layer, and the upper LSTM."""
        return first(self.above(self.narrow(first(self.below(x)))))

    def stream(self, name: str) -> Streaming:
        """Decode with the three parts one after another."""
        return Chain([streaming(self.below, name), Each(self.narrow), streaming(self.above, name)])


def upper(case: Case) -> Case:
    """The upper LSTM's case: three layers for every five below, half as wide, in one direction."""
    size = max(1, case.hidden_size // 2)
    return replace(case, depth=max(1, round(case.depth * 3 / 5)), input_size=size, hidden_size=size, bidirectional=False)


def between(case: Case) -> int:
    """Multiply-adds of the linear layer per step; its bias adds to the weights."""
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
