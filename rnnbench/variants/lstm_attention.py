"""LSTM with an attention read-out: each step also sees what the network gave at every step before it."""

from typing import cast

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants._attention import WAYS, Affine
from rnnbench.variants._deep import features
from rnnbench.variants._registry import variant
from rnnbench.variants._stack import sizes, stack
from rnnbench.variants.lstm import STEPS
from rnnbench.variants.transformer import DENSE


class ReadOut(nn.Module):
    """h̃ = tanh(C [c; h]), c = Σ softmax(h W h_s) h_s over s ≤ t: (seq_len, batch, features) → (seq_len, batch, features)."""

    def __init__(self, lstm: nn.Module, case: Case) -> None:
        super().__init__()
        size = features(case)
        self.lstm = lstm
        self.ask, self.join = Affine(size, size, bias=False), Affine(2 * size, size, bias=False)
        self.attend = DENSE.way(case)

    def forward(self, x: Tensor) -> Tensor:
        """The network, then the read-out with one head."""
        result = self.lstm(x)
        h = result if isinstance(result, Tensor) else result[0]
        q, kv = (one.transpose(0, 1).unsqueeze(1) for one in (self.ask(h), h))
        read = self.attend(q.to(kv.dtype), kv, kv).squeeze(1).transpose(0, 1)
        return cast("Tensor", self.join(torch.cat((read, h), -1)).tanh())


@variant(implementations=WAYS, source="arXiv 1508.04025, general score, global; scaled, and over the network's own past")
def lstm_attention(case: Case) -> nn.Module:
    """LSTM with a causal attention read-out over its own outputs."""
    return ReadOut(stack(case, lambda: nn.LSTM(**sizes(case)), STEPS, states=2), case)
