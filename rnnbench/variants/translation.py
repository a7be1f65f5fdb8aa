"""Translation: an LSTM encoder reads the first half of a sequence, and an LSTM decoder continues from its state through the second half.

Teacher forcing: the decoder input is the true translation, shifted by one step. A common size is 4 layers of 512 on word vectors of 300.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.variants import lstm
from rnnbench.variants._attention import Affine
from rnnbench.variants._costs import Costs
from rnnbench.variants._decode import Streaming, streaming
from rnnbench.variants._memory import Cache, Place
from rnnbench.variants._registry import variant
from rnnbench.variants._stack import Unrolled, sizes

WAYS = ("loop", "fused")
States = tuple[Tensor, Tensor]
COSTS = Costs(  # a token passes one of the two networks, and both have weights
    products=lstm.COSTS.products,
    parameters_of=lambda inputs, hidden: 2 * lstm.COSTS.parameters_of(inputs, hidden),
    state=lstm.COSTS.state,
)


def read(network: nn.LSTM, x: Tensor, states: States | None, way: str) -> tuple[Tensor, States]:
    """The outputs, and the states of all layers after the last step. x: (steps, batch, inputs)."""
    if way == "fused":
        return cast("tuple[Tensor, States]", network(x, states))
    ends = []
    for number, weights in enumerate(network.all_weights):
        zero = x.new_zeros(x.shape[1], network.hidden_size)
        state = (zero, zero) if states is None else (states[0][number], states[1][number])
        outputs = []
        for one in x.unbind(0):
            state = cast("States", lstm.written_out(one, state, weights))
            outputs.append(state[0])
        x = torch.stack(outputs)
        ends.append(state)
    return x, (torch.stack([h for h, _ in ends]), torch.stack([c for _, c in ends]))


class EncoderDecoder(nn.Module):
    """(seq_len, batch, input_size) → (seq_len, batch, hidden_size): encoder output, then decoder output."""

    def __init__(self, case: Case, *, attends: bool) -> None:
        super().__init__()
        if case.bidirectional:
            raise Unsupported(f"{case.variant}: a bidirectional decoder would read the words that it has to predict")
        if case.seq_len < 2:
            raise Unsupported(f"{case.variant} needs a source and a target: 2 time steps or more, not {case.seq_len}")
        self.encoder, self.decoder = nn.LSTM(**sizes(case)), nn.LSTM(**sizes(case))
        self.join = Affine(2 * case.hidden_size, case.hidden_size, bias=False) if attends else None
        self.way, self.source_len = case.implementation, case.seq_len // 2

    def forward(self, x: Tensor) -> Tensor:
        """The first half is the source."""
        half = len(x) // 2
        encoded, states = read(self.encoder, x[:half], None, self.way)
        decoded, _ = read(self.decoder, x[half:], states, self.way)
        return torch.cat((encoded, decoded if self.join is None else self.attend(decoded, encoded)))

    def stream(self, name: str) -> "Translating":
        """Decode with the encoder's steps, then the decoder's."""
        return Translating(
            self,
            *(streaming(Unrolled(one, lstm.STEPS["loop"], 2) if self.way == "loop" else one, name) for one in (self.encoder, self.decoder)),
        )

    def attend(self, decoded: Tensor, encoded: Tensor) -> Tensor:
        """h̃ = tanh(C [Σ softmax(h · s) s; h]) with h the decoder output and s the encoder output: (target, batch, hidden) → the same."""
        assert self.join is not None
        h, s = decoded.transpose(0, 1), encoded.transpose(0, 1)
        context = (h @ s.transpose(1, 2)).softmax(-1).to(s.dtype) @ s
        return cast("Tensor", self.join(torch.cat((context, h), -1)).tanh().transpose(0, 1))


class Translating:
    """Step-by-step decoding. The state: number of steps read, state of the current LSTM, and the encoder output so far."""

    def __init__(self, whole: EncoderDecoder, encoder: Streaming, decoder: Streaming) -> None:
        self._whole, self._encoder, self._decoder = whole, encoder, decoder

    def begin(self, batch_size: int) -> tuple[Place, Any, Cache]:
        """The state before the first source token."""
        return Place(), self._encoder.begin(batch_size), Cache(most=self._whole.source_len)

    def advance(self, x: Tensor, state: tuple[Place, Any, Cache]) -> tuple[Tensor, tuple[Place, Any, Cache]]:
        """(batch, input_size) → (batch, hidden_size). The decoder starts from the encoder's last state."""
        place, inner, encoded = state
        encodes = place.count < self._whole.source_len
        y, inner = (self._encoder if encodes else self._decoder).advance(x, inner)
        if self._whole.join is not None:
            if encodes:
                encoded.append(y[:, None, None])
            else:
                (given,) = encoded.held()
                y = self._whole.attend(y[None], given[:, 0].transpose(0, 1).to(y.dtype))[0]
        place.count += 1
        return y, (place, inner, encoded)


def attention_flops(case: Case) -> int:
    """FLOPs of the two LSTMs, and of scores, contexts and the joining layer."""
    source, hidden = case.seq_len // 2, case.hidden_size
    target = case.seq_len - source
    return COSTS.flops(case) + 2 * case.batch_size * target * (2 * source * hidden + 2 * hidden**2)


@variant(implementations=WAYS, source="arXiv 1409.3215", flops=COSTS.flops, parameters=COSTS.parameters, state_size=COSTS.state_size)
def translation(case: Case) -> nn.Module:
    """LSTM encoder and decoder, teacher forcing; the first half of a sequence is the source."""
    return EncoderDecoder(case, attends=False)


@variant(
    implementations=WAYS,
    source="arXiv 1409.3215; dot-product attention 1508.04025",
    flops=attention_flops,
    parameters=lambda case: COSTS.parameters(case) + 2 * case.hidden_size**2,
    state_size=lambda case: COSTS.state_size(case) + case.seq_len // 2 * case.hidden_size,
)
def translation_attention(case: Case) -> nn.Module:
    """LSTM encoder and decoder with dot-product attention of the decoder to the source."""
    return EncoderDecoder(case, attends=True)
