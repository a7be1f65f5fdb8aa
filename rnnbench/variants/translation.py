"""Translation: an LSTM encoder reads the first half of a sequence, an LSTM decoder goes on from its state through the second half.

Teacher forcing: the decoder is fed the true translation, shifted by a step. The field's common size is 4 layers of 512 on words of 300.
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
    """(seq_len, batch, input_size) → (seq_len, batch, hidden_size): what the encoder gives, then what the decoder gives."""

    def __init__(self, case: Case, *, attends: bool) -> None:
        super().__init__()
        if case.bidirectional:
            raise Unsupported(f"{case.variant}: a decoder that reads both ways would see what it is to say")
        if case.seq_len < 2:
            raise Unsupported(f"{case.variant} needs a source and a target: 2 time steps or more, not {case.seq_len}")
        self.encoder, self.decoder = nn.LSTM(**sizes(case)), nn.LSTM(**sizes(case))
        self.join = Affine(2 * case.hidden_size, case.hidden_size, bias=False) if attends else None
        self.way, self.heard = case.implementation, case.seq_len // 2

    def forward(self, x: Tensor) -> Tensor:
        """The first half is the source."""
        half = len(x) // 2
        heard, states = read(self.encoder, x[:half], None, self.way)
        said, _ = read(self.decoder, x[half:], states, self.way)
        return torch.cat((heard, said if self.join is None else self.attend(said, heard)))

    def stream(self, name: str) -> "Translating":
        """The encoder's steps, then the decoder's."""
        return Translating(
            self,
            *(streaming(Unrolled(one, lstm.STEPS["loop"], 2) if self.way == "loop" else one, name) for one in (self.encoder, self.decoder)),
        )

    def attend(self, said: Tensor, heard: Tensor) -> Tensor:
        """h̃ = tanh(C [Σ softmax(h · s) s; h]) over what was heard: (target, batch, hidden) → the same."""
        assert self.join is not None
        h, s = said.transpose(0, 1), heard.transpose(0, 1)
        context = (h @ s.transpose(1, 2)).softmax(-1).to(s.dtype) @ s
        return cast("Tensor", self.join(torch.cat((context, h), -1)).tanh().transpose(0, 1))


class Translating:
    """One step at a time: how many were read, the state of the network that reads, and what the encoder gave."""

    def __init__(self, whole: EncoderDecoder, encoder: Streaming, decoder: Streaming) -> None:
        self._whole, self._encoder, self._decoder = whole, encoder, decoder

    def begin(self, batch_size: int) -> tuple[Place, Any, Cache]:
        """Nothing was read."""
        return Place(), self._encoder.begin(batch_size), Cache(most=self._whole.heard)

    def advance(self, x: Tensor, state: tuple[Place, Any, Cache]) -> tuple[Tensor, tuple[Place, Any, Cache]]:
        """(batch, input_size) → (batch, hidden_size). The decoder's state begins as the encoder's ends."""
        place, inner, heard = state
        encodes = place.count < self._whole.heard
        y, inner = (self._encoder if encodes else self._decoder).advance(x, inner)
        if self._whole.join is not None:
            if encodes:
                heard.append(y[:, None, None])
            else:
                (given,) = heard.held()
                y = self._whole.attend(y[None], given[:, 0].transpose(0, 1).to(y.dtype))[0]
        place.count += 1
        return y, (place, inner, heard)


def attention_flops(case: Case) -> int:
    """Of scores, contexts and the joint layer, beside the two networks."""
    heard, hidden = case.seq_len // 2, case.hidden_size
    said = case.seq_len - heard
    return COSTS.flops(case) + 2 * case.batch_size * said * (2 * heard * hidden + 2 * hidden**2)


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
