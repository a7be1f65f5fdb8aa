"""LSTM with an attention read-out: each step also attends to the LSTM's outputs of all earlier steps."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from rnnbench.case import Case
from rnnbench.variants import lstm
from rnnbench.variants._attention import WAYS, Affine
from rnnbench.variants._decode import Streaming, streaming
from rnnbench.variants._deep import features
from rnnbench.variants._memory import Cache
from rnnbench.variants._registry import variant
from rnnbench.variants._stack import sizes, stack
from rnnbench.variants.transformer import DENSE


class ReadOut(nn.Module):
    """h̃ = tanh(C [c; h]), c = Σ softmax(h W h_s) h_s over s ≤ t: (seq_len, batch, features) → (seq_len, batch, features)."""

    mixes_ways = True  # C joins both directions

    def __init__(self, lstm: nn.Module, case: Case) -> None:
        super().__init__()
        size = features(case)
        self.lstm = lstm
        self.query, self.join = Affine(size, size, bias=False), Affine(2 * size, size, bias=False)
        self.attend = DENSE.way(case)

    def forward(self, x: Tensor) -> Tensor:
        """The LSTM, then the read-out with one head."""
        result = self.lstm(x)
        h = result if isinstance(result, Tensor) else result[0]
        q, kv = (one.transpose(0, 1).unsqueeze(1) for one in (self.query(h), h))
        read = self.attend(q.to(kv.dtype), kv, kv).squeeze(1).transpose(0, 1)
        return cast("Tensor", self.join(torch.cat((read, h), -1)).tanh())

    def stream(self, name: str) -> Streaming:
        """Decode with the LSTM's step, keeping all its earlier outputs."""
        return ReadOutStream(self, streaming(self.lstm, name))


class ReadOutStream:
    """Step-by-step decoding: the state is that of the LSTM, and its outputs so far."""

    def __init__(self, whole: ReadOut, lstm: Streaming) -> None:
        self._whole, self._lstm = whole, lstm

    def begin(self, batch_size: int) -> Any:
        """The LSTM's initial state, and an empty cache."""
        return self._lstm.begin(batch_size), Cache()

    def advance(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """(batch, input_size) → (batch, features)."""
        (before, cache) = state
        h, inner = self._lstm.advance(x, before)
        (given,) = cache.append(h[:, None, None])
        read = scaled_dot_product_attention(self._whole.query(h)[:, None, None].to(h.dtype), given, given)
        return self._whole.join(torch.cat((read[:, 0, 0], h), -1)).tanh(), (inner, cache)


def products(case: Case) -> int:
    """FLOPs of the LSTM, of the two layers of the read-out, and of its visible pairs."""
    size = features(case)
    pairs = case.seq_len * (case.seq_len + 1) // 2
    return lstm.COSTS.flops(case) + 2 * case.batch_size * (3 * case.seq_len * size**2 + 2 * pairs * size)


@variant(
    implementations=WAYS,
    flops=products,
    parameters=lambda case: lstm.COSTS.parameters(case) + 3 * features(case) ** 2,
    state_size=lambda case: lstm.COSTS.state_size(case) + case.seq_len * features(case),
    source="arXiv 1508.04025, general score, global; scaled, and over the network's own past",
)
def lstm_attention(case: Case) -> nn.Module:
    """LSTM with a causal attention read-out over its own outputs."""
    return ReadOut(stack(case, lambda: nn.LSTM(**sizes(case)), lstm.STEPS, states=2), case)
